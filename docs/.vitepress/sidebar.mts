// The sidebar: the pages by what their front matter says, and the documents that are not in `docs`.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { documents, root } from './repository.mts'

/** The groups, in their order. `cargo xtask tidy` knows them too. */
const GROUPS = ['Start', 'Guides', 'Stores', 'Coming from', 'Operating', 'Reference', 'Project']

interface Page {
  readonly group: string
  readonly order: number
  readonly item: DefaultTheme.SidebarItem
}

function pages(): Page[] {
  const folder = join(root, 'docs')
  const names = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'index.md')
  return names.map((name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    const value = (key: string) => new RegExp(`^${key}: (?<value>.*)$`, 'm').exec(text)?.groups?.value ?? ''
    const item = { text: value('title'), link: `/${name.replace('.md', '')}` }
    return { group: value('group'), order: Number(value('order')), item }
  })
}

/** The pages that are made elsewhere come after a group's own. */
function others(): Page[] {
  const more = Object.values(documents).map(({ page, text }, index) => {
    const group = page.startsWith('/reference/') ? 'Reference' : 'Project'
    return { group, order: 1000 + index, item: { text, link: page } }
  })
  const reference = { group: 'Reference', order: 900 }
  const typescript = { ...reference, item: { text: 'TypeScript API', link: '/reference/typescript/' } }
  const rust = { ...reference, item: { text: 'Rust API', link: '/reference/rust/okibi/', target: '_self' } }
  return [typescript, rust, ...more]
}

export function sidebar(): DefaultTheme.SidebarItem[] {
  const all = [...pages(), ...others()].sort((one, other) => one.order - other.order)
  return GROUPS.map((text) => ({
    text,
    collapsed: false,
    items: all.filter(({ group }) => group === text).map(({ item }) => item),
  }))
}

/** The modules of the package, for the pages of its reference: what typedoc has written. */
export function typescriptSidebar(): DefaultTheme.SidebarItem[] {
  const folder = join(root, 'docs/reference/typescript')
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  const names = files.filter((file) => file.endsWith('.md') && file !== 'index.md' && !file.includes('namespaces'))
  const items = names.map((file) => {
    const path = file.replace(/(?:index)?\.md$/, '')
    return { text: path.replace(/\/$/, ''), link: `/reference/typescript/${path}` }
  })
  return [{ text: 'TypeScript API', link: '/reference/typescript/', items: items.sort(byName) }]
}

function byName(one: { text: string }, other: { text: string }): number {
  return one.text < other.text ? -1 : 1
}
