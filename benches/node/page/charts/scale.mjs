// Where a value is on an axis, and which values are named there.

/** From zero to a round number above the greatest value. */
export function linear(most, length) {
  const step = stepOf(most / 5)
  const end = Math.ceil(most / step) * step
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, number) => number * step)
  return { at: (value) => (Math.max(value, 0) / end) * length, ticks }
}

/** From a power of ten below the least value to one above the greatest. */
export function logarithmic(least, most, length) {
  const [first, last] = [
    Math.floor(Math.log10(least)),
    Math.max(Math.ceil(Math.log10(most)), Math.floor(Math.log10(least)) + 1),
  ]
  const ticks = Array.from({ length: last - first + 1 }, (_, number) => 10 ** (first + number))
  return { at: (value) => ((Math.log10(value) - first) / (last - first)) * length, ticks }
}

/** 1, 2 or 5 times a power of ten, at least this. */
function stepOf(least) {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999)
}

/** A tick's name: 0.5, 20, 5,000, 10 k. */
export function tick(value) {
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))} k`
  return String(Number(value.toPrecision(3)))
}
