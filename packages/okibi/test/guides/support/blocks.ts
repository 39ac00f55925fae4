// The code blocks that are not a file of a project: which of them must compile by themselves, and
// as which file.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allPages, type Block, readPage, root } from './page.js'

/** A block that must compile, with the code around it. */
export interface Source {
  readonly place: string
  /** A name for the block's file: letters, digits and underscores. */
  readonly name: string
  readonly language: string
  readonly text: string
}

/** Every code block of every page that is not a file of a project. */
export function otherBlocks(): Block[] {
  const parts = allPages().flatMap((page) => readPage(page))
  return parts.filter((part) => part.kind === 'block').filter(({ path }) => path === undefined)
}

/**
 * The blocks in some languages that no other test compiles as a file. A block with a caption is not
 * okibi's code.
 */
export function sourcesIn(...languages: readonly string[]): Source[] {
  const known = files()
  return otherBlocks()
    .filter(({ language, caption }) => languages.includes(language) && caption === undefined)
    .filter(({ code }) => !known.has(body(code)))
    .map(({ place, language, code, around = '…' }) => {
      const text = around.includes('…') ? around.replace(/^.*…$/m, () => code) : `${around}\n${code}`
      return { place, name: place.replaceAll(/\W+/g, '_').toLowerCase(), language, text }
    })
}

/** The sources that compile and run in other tests, without their first comment. */
function files(): Set<string> {
  const crates = readdirSync(join(root, 'crates')).flatMap((name) => [
    `crates/${name}/examples`,
    `crates/${name}/tests`,
  ])
  const known = new Set<string>()
  for (const folder of ['packages/okibi/test', 'examples', ...crates]) {
    if (!existsSync(join(root, folder))) continue
    for (const file of list(join(root, folder))) known.add(body(readFileSync(file, 'utf8')))
  }
  return known
}

function list(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : list(path)
    return /\.(ts|js|mjs|rs)$/.test(entry.name) ? [path] : []
  })
}

/** A source without its leading comments and empty lines. */
function body(source: string): string {
  return source.replace(/^(?:\/\/.*\n|\s*\n)+/, '').trim()
}
