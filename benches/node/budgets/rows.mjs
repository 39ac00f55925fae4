// Finds measurements by their names.

/** The row of this name. */
export function find(rows, wanted) {
  const row = rows.find(({ name }) => name === wanted)
  if (!row) throw new Error(`${wanted}: was not measured`)
  return row
}

/** A count, as a median without a spread. */
export function exactly(count) {
  return { median: count, least: count, most: count }
}
