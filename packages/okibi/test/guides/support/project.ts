// The projects of a page: the files of each, and the commands that the reader types.
import type { Block, Part } from './page.js'

/** A project: everything that a reader copies out of one section. */
export interface Project {
  /** The heading where it begins. */
  readonly name: string
  /** The content of each file, by its path. */
  readonly files: ReadonlyMap<string, string>
  /** The commands that the reader types, one a line. The last one starts the server. */
  readonly run: readonly string[]
}

/** Extracts the projects of a page. `names` are the headings where they begin. */
export function projectsOf(page: string, parts: readonly Part[], names: readonly string[]): Project[] {
  for (const name of names) {
    const count = parts.filter((part) => part.kind === 'heading' && part.text === name).length
    if (count !== 1) throw new Error(`${page}: ${count} headings are called "${name}", must be one`)
  }
  const shared: Block[] = []
  const own = new Map<string, Block[]>()
  let current: { readonly name: string; readonly level: number } | undefined
  for (const part of parts) {
    if (part.kind === 'heading') {
      if (names.includes(part.text)) {
        current = { name: part.text, level: part.level }
        own.set(part.text, [])
      } else if (current && part.level < current.level) {
        current = undefined
      }
    } else if (part.path !== undefined || part.caption === 'run') {
      const blocks = current ? own.get(current.name) : own.size === 0 ? shared : undefined
      if (!blocks) throw new Error(`${part.place}: belongs to no project that the page's test names`)
      blocks.push(part)
    }
  }
  return [...own].map(([name, blocks]) => project(page, name, [...shared, ...blocks]))
}

function project(page: string, name: string, blocks: readonly Block[]): Project {
  const files = new Map<string, string>()
  const run: string[] = []
  for (const { path, code } of blocks) {
    if (path === undefined) run.push(...typed(code))
    else files.set(path, files.has(path) ? `${files.get(path)}\n${code}` : code)
  }
  if (run.length === 0) throw new Error(`${page}: "${name}" has no block \`sh [run]\``)
  return { name, files, run }
}

/** The commands of a block. A line that ends with a backslash continues in the next one. */
function typed(code: string): string[] {
  const lines = code.replaceAll('\\\n', '').split('\n')
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}
