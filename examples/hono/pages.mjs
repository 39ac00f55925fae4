// Renders the demo's pages from the templates that both servers share.
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'

/** Where the templates, the stylesheet and the icon lie. */
export const site = fileURLToPath(new URL('../site/', import.meta.url))

const templates = new nunjucks.Environment(new nunjucks.FileSystemLoader(`${site}templates`), {
  autoescape: true,
  throwOnUndefined: true,
})

/**
 * One page as HTML.
 *
 * @param {'home.html' | 'members.html' | 'about.html'} template
 * @param {object} data what `examples/site/README.md` lists under "The page's data"
 * @returns {string}
 */
export function page(template, data) {
  return templates.render(template, data)
}
