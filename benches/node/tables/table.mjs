// Tables as data (a title, a head, rows of cells), and as plain text.

/** A row for each library, a column for each page. */
export function pageTable(title, pages, measured, cell) {
  const rows = measured[pages[0]].map(({ name, isBare }, place) => [
    isBare ? `${name}: whole request` : name,
    ...pages.map((page) => cell(measured[page][place])),
  ])
  return { title, head: ['', ...pages], rows }
}

/** Columns as wide as their widest cell: the first to the left, the others to the right. */
export function asText({ title, head, rows }) {
  const lines = head ? [head, ...rows] : rows
  const widths = lines[0].map((_, column) => Math.max(...lines.map((row) => row[column].length)))
  const text = lines.map((row) => {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    return `  ${cells.join('  ')}`.trimEnd()
  })
  return [title, ...text].join('\n')
}

/** The same for a page in Markdown. */
export function asMarkdown({ head, rows }) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const isNumbers = (column) => rows.every((row) => /^(?:[\d≤≥]|$)/.test(row[column]))
  const rule = head.map((_, column) => (column > 0 && isNumbers(column) ? '---:' : '---'))
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n')
}
