// A chart of lines over two logarithmic axes.
import { logarithmic, tick } from './scale.mjs'
import { line, round, svg, text, WIDTH } from './svg.mjs'

const LEFT = 60
const RIGHT = 180
const TOP = 56
const HEIGHT = 380
const BOTTOM = HEIGHT - 48
/** How far apart the names at the ends of lines are at least. */
const APART = 16

/** `lines` have a name and points `[x, y]`. `named` makes the name of a value of x. */
export function lines({ title, unit, below, lines: all, named }) {
  const xs = all.flatMap(({ points }) => points.map(([x]) => x))
  const ys = all.flatMap(({ points }) => points.map(([, y]) => y))
  const [across, up] = [
    logarithmic(Math.min(...xs), Math.max(...xs), WIDTH - LEFT - RIGHT),
    logarithmic(Math.min(...ys), Math.max(...ys), BOTTOM - TOP),
  ]
  const [x, y] = [(value) => LEFT + across.at(value), (value) => BOTTOM - up.at(value)]
  const parts = [
    text(0, 38, unit, { class: 'unit' }),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, below, { class: 'unit', anchor: 'middle' }),
  ]
  for (const value of up.ticks) {
    parts.push(line(LEFT, y(value), WIDTH - RIGHT, y(value), 'grid'))
    parts.push(text(LEFT - 8, y(value) + 4, tick(value), { class: 'axis', anchor: 'end' }))
  }
  for (const value of across.ticks) {
    parts.push(line(x(value), TOP, x(value), BOTTOM, 'grid'))
    parts.push(text(x(value), BOTTOM + 18, named(value), { class: 'axis', anchor: 'middle' }))
  }
  const names = spreadOut(all.map(({ points }) => y(points.at(-1)[1])))
  for (const [number, { name, points }] of all.entries()) {
    const path = points.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ')
    parts.push(`<polyline points="${path}" class="line line${number % 5}" style="fill:none"/>`)
    for (const [px, py] of points)
      parts.push(`<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3.5" class="line${number % 5}"/>`)
    parts.push(`<circle cx="${WIDTH - RIGHT + 14}" cy="${round(names[number] - 4)}" r="4" class="line${number % 5}"/>`)
    parts.push(text(WIDTH - RIGHT + 24, names[number], name))
  }
  const described = all.map(({ name, points }) => `${name}: ${points.map(([, py]) => tick(py)).join(', ')}`).join('; ')
  return svg({ title, described: `${unit}: ${described}`, height: HEIGHT, parts })
}

/** Heights of names near these, but not over each other. */
export function spreadOut(wanted) {
  const order = wanted
    .map((height, number) => ({ height: height + 4, number }))
    .sort((one, other) => one.height - other.height)
  for (let place = 1; place < order.length; place += 1) {
    order[place].height = Math.max(order[place].height, order[place - 1].height + APART)
  }
  const over = Math.max(0, (order.at(-1)?.height ?? 0) - BOTTOM)
  const heights = []
  for (const { height, number } of order) heights[number] = height - over
  return heights
}
