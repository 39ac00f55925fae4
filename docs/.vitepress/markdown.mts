// What the site does to Markdown beyond VitePress: links into the repository, and the name of a code block's file above it.
import type { MarkdownOptions } from 'vitepress'
import { inRepository, linkOnSite } from './repository.mts'

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0]

/** The anchor of a heading, as GitHub makes it and `cargo xtask tidy` expects it. */
export function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

export function extend(markdown: Markdown): void {
  markdown.core.ruler.push('links-into-the-repository', ({ tokens, env }) => {
    const from = inRepository(env.path ?? '')
    // VitePress understands the links in the pages of typedoc, and in pages with links that are changed already.
    if (!/^docs\/[\w-]+\.md$/.test(from)) return
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const link = token.type === 'link_open' ? token.attrGet('href') : null
      if (link !== null) token.attrSet('href', linkOnSite(from, link))
    }
  })

  const fence = markdown.renderer.rules.fence
  markdown.renderer.rules.fence = (tokens, index, options, env, self) => {
    const info = tokens[index]?.info ?? ''
    const name = /\[(?<name>[^\]]*)\]/.exec(info)?.groups?.name
    const block = fence?.(tokens, index, options, env, self) ?? ''
    if (name === undefined || isInGroup(tokens, index)) return block
    const text = markdown.utils.escapeHtml(name === 'run' ? 'Terminal' : name)
    return `<figure class="named-block"><figcaption v-pre>${text}</figcaption>${block}</figure>\n`
  }
}

/** In a group of blocks the names are the tabs. */
function isInGroup(tokens: Parameters<NonNullable<Markdown['renderer']['rules']['fence']>>[0], index: number): boolean {
  const before = tokens.slice(0, index).findLast(({ type }) => type.startsWith('container_code-group_'))
  return before?.type === 'container_code-group_open'
}
