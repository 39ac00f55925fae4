// The formats' vectors. They come as modules, because not every runtime that the tests run on has files.

declare global {
  interface ImportMeta {
    /** Vite's own: the modules of these files. */
    glob<T>(pattern: string, options: { eager: true; import: 'default' }): Record<string, T>
  }
}

const files = import.meta.glob<unknown>('../../../../vectors/*.json', { eager: true, import: 'default' })

/** What is in `vectors/<name>.json`. */
export function readVectors<T>(name: string): T {
  const found = files[`../../../../vectors/${name}.json`]
  if (found === undefined) throw new Error(`${name}: no such vectors`)
  return structuredClone(found) as T
}
