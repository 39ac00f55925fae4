// Replaces the generated parts of a page, which stand between two comments.

/** The page with this text between `<!-- bench:name -->` and `<!-- /bench:name -->`. */
export function replaced(page, name, text) {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${begin}: not on the page, or without its end`)
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`
}
