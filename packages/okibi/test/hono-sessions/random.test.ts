// Random histories of one visitor: a handler sees the same values with the original, with okibi,
// and with both in turn over one store.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { KEY, SyncDriver, TextDriver } from './support/drivers.js'
import { type AnySession, type Implementation, type Options, okibi, original } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-03-01T12:00:00.000Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

const SPAN = 1000

/** Returns the same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % below
  }
}

const NAMES = ['a', 'b', 'constructor', 'x y']
const VALUES: unknown[] = [0, 'text', null, [1, [2]], { deep: { list: [] } }, false, '']

/** One action of a handler. Returns what the handler saw. */
type Action = (session: AnySession) => unknown

/** A random action. With `putting` it may set a value. */
function randomAction(below: (below: number) => number, putting: boolean): Action {
  const name = NAMES[below(NAMES.length)] as string
  const value = VALUES[below(VALUES.length)]
  switch (putting ? below(14) : 5 + below(9)) {
    case 0:
    case 1:
    case 2:
      return (session) => session.set(name, structuredClone(value))
    case 3:
    case 4:
      return (session) => session.flash(name, structuredClone(value))
    case 5:
      return (session) => session.forget(name)
    case 6:
      return (session) => {
        const list = session.get('a')
        if (Array.isArray(list)) list.push(list.length)
        return list
      }
    case 7:
      return (session) => {
        const { _data } = session.getCache()
        const entry = Object.hasOwn(_data, name) ? _data[name] : undefined
        if (entry) entry.flash = !entry.flash
        return Object.keys(_data).sort()
      }
    case 8:
      return (session) => {
        session.getCache()._data[name] = { value: structuredClone(value), flash: false }
        session.touch()
      }
    case 9:
      return (session) => {
        delete session.getCache()._data[name]
      }
    case 10:
      return (session) => session.touch()
    case 11:
      return (session) => [session.sessionValid(), session.getCache()._delete]
    default:
      // An own name: the original takes the names of Object.prototype for stored ones.
      return (session) => (Object.hasOwn(session.getCache()._data, name) ? session.get(name) : 'none')
  }
}

interface Request {
  readonly deeds: readonly Action[]
  /** Extends the session, changed or not. */
  readonly touches: boolean
  readonly rotates: boolean
  readonly ends: boolean
  readonly status: 200 | 500
  /** Seconds before the request. */
  readonly after: number
}

function history(seed: number): Request[] {
  const below = numbers(seed)
  return Array.from({ length: 25 }, () => {
    const touches = below(2) === 0
    return {
      deeds: Array.from({ length: 1 + below(4) }, () => randomAction(below, touches)),
      touches,
      rotates: below(8) === 0,
      ends: below(15) === 0,
      status: below(6) === 0 ? 500 : 200,
      // Far from the expiry or beyond it, because okibi may extend a tenth of the span later than
      // the original.
      after: [0, 0, 0, SPAN / 2, SPAN / 2, SPAN * 2][below(6)] as number,
    }
  })
}

/** An app that runs a history, request by request. */
function player(implementation: Implementation, options: Options, played: readonly Request[]) {
  return site(implementation, options, (app) => {
    app.get('/play/:at', (c) => {
      const { deeds, touches, rotates, ends, status } = played[Number(c.req.param('at'))] as Request
      const session = c.get('session')
      const seen = deeds.map((run) => structuredClone(run(session)) ?? null)
      // With okibi a rotation and a value put in its own place are writes as all others, which
      // extend the session; with the original only if it is extended anyway.
      if (rotates || touches) session.touch()
      if (rotates) c.set('session_key_rotation', true)
      if (ends) session.deleteSession()
      return c.json(seen, status)
    })
  })
}

const places: Record<string, () => (implementation: Implementation) => Options> = {
  'a driver with a key': () => {
    const store = new TextDriver()
    return () => ({ store, encryptionKey: KEY })
  },
  'a sync driver': () => {
    const store = new SyncDriver()
    return () => ({ store })
  },
  'the cookie': () => (implementation) => ({ store: new implementation.CookieStore(), encryptionKey: KEY }),
}

for (const [name, place] of Object.entries(places)) {
  for (const expireAfterSeconds of [undefined, SPAN]) {
    for (const autoExtendExpiration of expireAfterSeconds ? [true, false] : [true]) {
      const more = { ...(expireAfterSeconds && { expireAfterSeconds }), autoExtendExpiration }
      test(`${name}, ${JSON.stringify(more)}`, async () => {
        for (let seed = 1; seed <= 12; seed += 1) {
          const played = history(seed)
          const shared = place()
          const alone = (implementation: Implementation) => ({ ...place()(implementation), ...more })
          const jars = [
            new Jar(player(original, alone(original), played)),
            new Jar(player(okibi, alone(okibi), played)),
            new Jar(player(original, { ...shared(original), ...more }, played)),
          ]
          const turns = [player(original, { ...shared(original), ...more }, played)]
          turns.push(player(okibi, { ...shared(okibi), ...more }, played))
          for (const [at, { after }] of played.entries()) {
            vi.setSystemTime(Date.now() + after * 1000)
            const seen: unknown[] = []
            for (const [which, jar] of jars.entries()) {
              const app = which === 2 ? turns[at % 2] : jar.app
              const there = jar.twin(app)
              const answer = await there.fetch(`/play/${at}`)
              seen.push([answer.status, await answer.json()])
              jar.cookies.clear()
              for (const [name, value] of there.cookies) jar.cookies.set(name, value)
            }
            expect([seed, at, seen[1]]).toEqual([seed, at, seen[0]])
            expect([seed, at, seen[2]]).toEqual([seed, at, seen[0]])
          }
        }
      })
    }
  }
}
