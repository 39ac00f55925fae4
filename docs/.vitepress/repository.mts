// The repository around the pages: where it is shown, and which of its other documents are pages of the site too.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'

/** The root of the repository. */
export const root = join(import.meta.dirname, '../..')

const { repository } = JSON.parse(readFileSync(join(root, 'packages/okibi/package.json'), 'utf8')) as {
  repository: { url: string }
}

/** Its address for people. */
export const address = repository.url.replace(/^git\+|\.git$/g, '')

/** Documents outside of `docs` that are pages: their paths in the repository and on the site. */
export const documents: Readonly<Record<string, { readonly page: string; readonly text: string }>> = {
  'facts/errors.md': { page: '/reference/errors', text: 'Errors' },
  'facts/events.md': { page: '/reference/events', text: 'Events' },
  'ARCHITECTURE.md': { page: '/project/architecture', text: 'Architecture' },
  'CONTRIBUTING.md': { page: '/project/contributing', text: 'Contributing' },
  'SECURITY.md': { page: '/project/security', text: 'Security' },
  'CHANGELOG.md': { page: '/project/changelog', text: 'Changelog' },
}

/**
 * Where a link leads on the site: a page of it, or a file in the repository as it is shown to people.
 *
 * @param from the file that has the link, from the root of the repository
 */
export function linkOnSite(from: string, link: string): string {
  if (/^[a-z]+:|^#|^\//.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const target = posix.join(posix.dirname(from), path).replace(/\/$/, '')
  const hash = anchor === undefined ? '' : `#${anchor}`
  const page = documents[target]?.page ?? /^docs\/(?<page>[\w-]+)\.md$/.exec(target)?.groups?.page
  if (page !== undefined) return `/${page.replace(/^\//, '')}${hash}`
  const full = join(root, target)
  if (!existsSync(full)) throw new Error(`${from}: ${link}: no such file in the repository`)
  return `${address}/${statSync(full).isDirectory() ? 'tree' : 'blob'}/main/${target}${hash}`
}

/** The path of a file from the root of the repository. */
export function inRepository(path: string): string {
  return relative(root, path).split(sep).join('/')
}

/** The documents in one folder of the site, as pages of a dynamic route. */
export function documentPages(folder: string): { params: { name: string }; content: string }[] {
  const here = Object.entries(documents).filter(([, { page }]) => dirname(page) === `/${folder}`)
  return here.map(([path, { page }]) => ({
    params: { name: posix.basename(page) },
    content: onSite(path, readFileSync(join(root, path), 'utf8')),
  }))
}

/** A document's text with its links as they are on the site. */
function onSite(path: string, text: string): string {
  const pieces = text.split(/(^```[\s\S]*?^```$|`[^`\n]*`)/m)
  const changed = pieces.map((piece, index) => {
    return index % 2 === 1 ? piece : piece.replaceAll(/\]\(([^)\s]+)\)/g, (_, link) => `](${linkOnSite(path, link)})`)
  })
  return changed.join('')
}
