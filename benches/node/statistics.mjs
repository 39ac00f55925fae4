// Medians with their spread, ratios of simultaneous measurements, and both as strings.

/** The middle of some numbers, and the least and the greatest. */
export function spread(values) {
  const sorted = values.toSorted((one, other) => one - other)
  return { median: sorted[Math.floor(sorted.length / 2)], least: sorted[0], most: sorted.at(-1) }
}

/** How many times as much the first is as the second, round by round. */
export function ratio(ones, others) {
  return spread(ones.map((one, round) => one / others[round]))
}

/** The number that this share of all numbers is below. */
export function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** A number with three digits or so; a count as it is. */
export function short(value) {
  if (Number.isInteger(value)) return String(value)
  const size = Math.abs(value)
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)
}

/** A median with its spread behind it, if it has one. */
export function shown({ median, least, most }, digits = short) {
  if (least === most) return digits(median)
  return `${digits(median)} (${digits(least)}..${digits(most)})`
}
