// The parts of a chart as SVG: text, lines and boxes in colours for light and dark pages.

/** The width of every chart. Its text is 12 to 14 units high, so that it can be read at half the size. */
export const WIDTH = 760

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.axis, .unit { font-size: 12px; fill: #57606a; }
.group { font-weight: 600; }
.grid { stroke: #d0d7de; }
.one { stroke: #57606a; stroke-dasharray: 4 3; }
.whisker { stroke: #24292f; stroke-width: 1.5; }
.okibi { fill: #d9480f; } .peer { fill: #7d8590; } .bare { fill: #c4cad1; }
.line0 { stroke: #d9480f; fill: #d9480f; } .line1 { stroke: #0b7285; fill: #0b7285; } .line2 { stroke: #5f3dc4; fill: #5f3dc4; }
.line3 { stroke: #2b8a3e; fill: #2b8a3e; } .line4 { stroke: #a61e4d; fill: #a61e4d; }
.line { fill: none; stroke-width: 2.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.axis, .unit { fill: #9da7b1; }
.grid { stroke: #30363d; } .one { stroke: #9da7b1; } .whisker { stroke: #e6edf3; }
.okibi { fill: #ff7b3a; } .peer { fill: #8b949e; } .bare { fill: #484f58; }
.line0 { stroke: #ff7b3a; fill: #ff7b3a; } .line1 { stroke: #3bc9db; fill: #3bc9db; } .line2 { stroke: #b197fc; fill: #b197fc; }
.line3 { stroke: #69db7c; fill: #69db7c; } .line4 { stroke: #faa2c1; fill: #faa2c1; }
.line { fill: none; }
}`

/** A whole chart. `described` says what it shows, for screen readers. */
export function svg({ title, described, height, parts }) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${round(height)}" width="${WIDTH}" height="${round(height)}" role="img" aria-label="${escaped(`${title}. ${described}`)}">`,
    `<style>${STYLE}\n</style>`,
    text(0, 18, title, { class: 'title' }),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

export function text(x, y, content, { class: name, anchor } = {}) {
  const attributes = `${name ? ` class="${name}"` : ''}${anchor ? ` text-anchor="${anchor}"` : ''}`
  return `<text x="${round(x)}" y="${round(y)}"${attributes}>${escaped(content)}</text>`
}

export function line(x1, y1, x2, y2, name) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${name}"/>`
}

export function box(x, y, width, height, name) {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(width, 1))}" height="${round(height)}" rx="2" class="${name}"/>`
}

export function round(value) {
  return Math.round(value * 10) / 10
}

function escaped(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
