// A chart of horizontal bars in groups, with the spread of each as a whisker.
import { short } from '../../statistics.mjs'
import { linear, logarithmic, tick } from './scale.mjs'
import { box, line, svg, text, WIDTH } from './svg.mjs'

const LEFT = 236
const RIGHT = 76
const TOP = 46
const BAR = 20
const GROUP = 26

/**
 * `groups` are lists of bars: a name, a kind (okibi, peer or bare), and a median with its spread.
 * `isLog` makes the axis logarithmic. `marksOne` marks where okibi and a peer are equal.
 */
export function bars({ title, unit, groups, isLog, marksOne, digits = short }) {
  const all = groups.flatMap(({ bars }) => bars.map(({ value }) => value))
  const room = WIDTH - LEFT - RIGHT
  const most = Math.max(...all.map(({ median, most }) => Math.max(median, Math.min(most, 1.5 * median))))
  const least = Math.min(...all.map(({ median }) => median))
  const { at, ticks } = isLog ? logarithmic(least, most, room) : linear(most, room)
  const height = TOP + groups.reduce((sum, { bars }) => sum + GROUP + bars.length * BAR, 0) + 34
  const bottom = height - 30
  const parts = [text(0, 36, unit, { class: 'unit' })]
  for (const value of ticks) {
    parts.push(line(LEFT + at(value), TOP, LEFT + at(value), bottom, 'grid'))
    parts.push(text(LEFT + at(value), bottom + 16, tick(value), { class: 'axis', anchor: 'middle' }))
  }
  let y = TOP
  for (const group of groups) {
    parts.push(text(0, y + 18, group.name, { class: 'group' }))
    y += GROUP
    for (const bar of group.bars) {
      parts.push(...drawn(bar, y, at, room, digits))
      y += BAR
    }
  }
  if (marksOne) parts.push(line(LEFT + at(1), TOP, LEFT + at(1), bottom, 'one'))
  const described = groups
    .flatMap(({ name, bars }) => bars.map((bar) => `${name}, ${bar.name}: ${digits(bar.value.median)}`))
    .join('; ')
  return svg({ title, described: `${unit}: ${described}`, height, parts })
}

function drawn({ name, kind, value }, y, at, room, digits) {
  const [end, least, most] = [at(value.median), at(value.least), Math.min(at(value.most), room)].map((x) =>
    Math.max(x, 0),
  )
  const middle = y + BAR / 2 - 1
  const parts = [
    text(LEFT - 8, middle + 4, name, { anchor: 'end' }),
    box(LEFT, y + 1, end, BAR - 5, kind),
    text(LEFT + Math.max(end, most) + 8, middle + 4, digits(value.median)),
  ]
  if (most - least > 1) parts.push(line(LEFT + least, middle, LEFT + most, middle, 'whisker'))
  return parts
}
