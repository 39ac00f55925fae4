// Reads a page of the documentation: its headings and its code blocks, in order.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '../../../../..')

export interface Heading {
  readonly kind: 'heading'
  /** 1 for the title. */
  readonly level: number
  readonly text: string
}

export interface Block {
  readonly kind: 'block'
  /** The page and the line of the opening fence, in the form that editors open. */
  readonly place: string
  readonly language: string
  /** The path of the file that the block shows. A block without one is checked by itself. */
  readonly path: string | undefined
  /** The content of the brackets if it is not a path: `run`, or a caption with a space in it. */
  readonly caption: string | undefined
  readonly code: string
  /** The code around a fragment, with a line `…` where the fragment goes. */
  readonly around: string | undefined
}

export type Part = Heading | Block

/** Reads a page by its path in the repository. */
export function readPage(path: string): Part[] {
  return parsePage(path, readFileSync(join(root, path), 'utf8'))
}

/** The pages of the site, and the README files. */
export function allPages(): string[] {
  const markdown = (folder: string) => {
    return readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name))
  }
  const crates = readdirSync(join(root, 'crates')).flatMap((crate) => markdown(join('crates', crate)))
  return [...markdown('docs'), 'README.md', 'packages/okibi/README.md', ...crates]
}

const FENCE = /^(?<marks>`{3,})(?<language>[\w-]*)\s*(?:\[(?<brackets>[^\]]*)\])?/
const HEADING = /^(?<marks>#{1,6})\s+(?<text>.*?)\s*$/
const AROUND = '<!-- around'

/** Parses the content of a page. */
export function parsePage(path: string, text: string): Part[] {
  const lines = text.split('\n')
  const parts: Part[] = []
  let around: string | undefined
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const fence = FENCE.exec(line)?.groups
    const heading = HEADING.exec(line)?.groups
    if (fence) {
      const end = endOf(lines, at, (line) => line.trimEnd() === fence.marks)
      if (end === lines.length) throw new Error(`${path}:${at + 1}: the code block has no end`)
      const code = lines.slice(at + 1, end).map((line) => `${line}\n`)
      parts.push(block(`${path}:${at + 1}`, fence.language ?? '', fence.brackets, code.join(''), around))
      around = undefined
      at = end
    } else if (line === AROUND) {
      const end = endOf(lines, at, (line) => line === '-->')
      around = lines.slice(at + 1, end).join('\n')
      at = end
    } else if (heading) {
      const text = (heading.text ?? '').replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      parts.push({ kind: 'heading', level: (heading.marks ?? '').length, text })
    }
  }
  return parts
}

/** The number of the line where a block that begins at a line ends. */
function endOf(lines: readonly string[], begin: number, isEnd: (line: string) => boolean): number {
  const end = lines.findIndex((line, at) => at > begin && isEnd(line))
  return end < 0 ? lines.length : end
}

function block(
  place: string,
  language: string,
  brackets: string | undefined,
  code: string,
  around: string | undefined,
): Block {
  const isCaption = brackets === undefined || brackets === 'run' || brackets.includes(' ')
  const [path, caption] = isCaption ? [undefined, brackets] : [brackets, undefined]
  return { kind: 'block', place, language, path, caption, code, around }
}
