// Measures the engine alone: file size, time of the first use, time of a call.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { RANDOM_BYTES } from '../../packages/okibi/dist/driver.js'
import { Answer } from '../../packages/okibi/dist/facts/border.js'
import { native } from '../../packages/okibi/dist/native.js'
import { spread } from './statistics.mjs'

/** How many fresh processes are asked for their first use. A process that has compiled a module once keeps it. */
const PROCESSES = 9
const ROUNDS = 31
/** How many batches make a round, of which the median counts. */
const BATCHES = 9
/** How many calls make a batch. */
const CALLS = 40
const WARM_UP = 5000

/** Bytes, milliseconds until ready in every process, and microseconds of each call in every round. */
export function engine() {
  const bytes = readFileSync(new URL('../../packages/okibi/dist/okibi.wasm', import.meta.url))
  const first = fileURLToPath(new URL('first-use.mjs', import.meta.url))
  const ready = Array.from({ length: PROCESSES }, () => Number(execFileSync(process.execPath, [first])))
  return {
    bytes: bytes.length,
    gzipped: gzipSync(bytes, { level: 9 }).length,
    milliseconds: ready,
    calls: Object.entries(calls()).map(([name, call]) => ({ name, microseconds: timesOf(call) })),
  }
}

function timesOf(call) {
  for (let number = 0; number < WARM_UP; number += 1) call()
  return Array.from({ length: ROUNDS }, () => {
    const batches = Array.from({ length: BATCHES }, () => {
      const start = performance.now()
      for (let number = 0; number < CALLS; number += 1) call()
      return ((performance.now() - start) * 1000) / CALLS
    })
    return Math.round(spread(batches).median * 100) / 100
  })
}

/** What a request asks of the engine, with a session that holds a string of 1 KB. */
export function calls() {
  const now = Date.now()
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
  const log = (letter) => `[{"set":["text","${letter.repeat(1000)}"]}]`
  const settled = (reply) => {
    if (reply.head.error) throw new Error(`the engine refused: ${reply.head.error.message}`)
    return reply
  }

  const sealed = native.engine({ sealed: true, secrets: ['a secret of the bench, long enough'] })
  const begun = settled(sealed.commit(sealed.empty, log('a'), false, now, random))
  const sealedHeader = begun.head.cookies[0].split(';', 1)[0]
  const sealedState = settled(sealed.open(sealedHeader, now)).state

  const stored = native.engine({})
  const swap = settled(stored.commit(stored.empty, log('a'), false, now, random))
  const header = settled(stored.answer(swap.state, Answer.done, undefined, now, random)).head.cookies[0].split(
    ';',
    1,
  )[0]
  // As the middleware calls it: the load with the cookie, and the commit with the request's last
  // call.
  const load = () => {
    const { state } = stored.open(header, now, true)
    return stored.answer(state, Answer.loaded, swap.write, now, random)
  }
  const { state } = settled(load())
  return {
    'open a sealed cookie': () => sealed.open(sealedHeader, now),
    'commit to a sealed cookie': () => sealed.commit(sealedState, log('b'), false, now, random, true),
    'open and load': load,
    'commit and swap': () => {
      const written = stored.commit(state, log('b'), false, now, random, true)
      return stored.answer(written.state, Answer.done, undefined, now, random, true)
    },
  }
}
