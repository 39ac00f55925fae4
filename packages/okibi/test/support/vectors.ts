// Reads the vectors of the formats. They are imported as modules, because some runtimes have no
// files.

declare global {
  interface ImportMeta {
    /** Vite's own: the modules of these files. */
    glob<T>(pattern: string, options: { eager: true; import: 'default' }): Record<string, T>
  }
}

const files = import.meta.glob<unknown>('../../../../vectors/*.json', { eager: true, import: 'default' })

/** The content of `vectors/<name>.json`. */
export function readVectors<T>(name: string): T {
  const found = files[`../../../../vectors/${name}.json`]
  if (found === undefined) throw new Error(`${name}: no such vectors`)
  return structuredClone(found) as T
}
