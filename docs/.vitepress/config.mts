// The site: VitePress over the pages of this folder. `cargo xtask site` builds it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'
import { extend, slugify } from './markdown.mts'
import { address, root } from './repository.mts'
import { sidebar, typescriptSidebar } from './sidebar.mts'

const ember = readFileSync(join(root, 'examples/site/ember.svg'))
const logo = `data:image/svg+xml;base64,${ember.toString('base64')}`
const { version } = JSON.parse(readFileSync(join(root, 'packages/okibi/package.json'), 'utf8')) as { version: string }

export default defineConfig({
  title: 'okibi',
  description: 'Sessions for Hono and axum from one engine',
  lang: 'en',
  outDir: process.env.OKIBI_SITE ?? join(root, 'target/site'),
  cacheDir: join(process.env.OKIBI_SITE ?? join(root, 'target/site'), '../site-cache'),
  // The index of the search is one large file, which is loaded at the first search.
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  head: [['link', { rel: 'icon', href: logo, type: 'image/svg+xml' }]],
  markdown: { anchor: { slugify }, config: extend },
  // The reference of Rust is copied beside the pages after they are built; `cargo xtask site` checks every link then.
  ignoreDeadLinks: [/^\/reference\/rust\//, /^http:\/\/localhost/],
  themeConfig: {
    logo,
    nav: [
      { text: 'Start', link: '/first-session' },
      { text: 'Stores', link: '/stores' },
      {
        text: 'Reference',
        items: [
          { text: 'Both languages', link: '/api' },
          { text: 'TypeScript', link: '/reference/typescript/' },
          { text: 'Rust', link: '/reference/rust/okibi/', target: '_self' },
        ],
      },
      { text: version, items: [{ text: 'Changelog', link: '/project/changelog' }] },
    ],
    sidebar: { '/reference/typescript/': typescriptSidebar(), '/': sidebar() },
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: address }],
    editLink: { pattern: `${address}/edit/main/docs/:path` },
    footer: { message: 'MIT or Apache-2.0' },
  },
})
