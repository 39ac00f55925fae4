// The move to okibi's own format, node by node: no visitor is logged out, and every logout is final
// (n24, n41).
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { memoryStore } from '../../src/stores/memory.js'
import { Watched } from '../support/stores.js'
import { KEY, TextDriver } from './support/drivers.js'
import { type App, type Data, type Driver, type Options, okibi, original } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

const START = Date.parse('2026-03-01T12:00:00.000Z')
const UNTIL = new Date(START + 30 * 86_400_000)
const SECRET = 'the secret of the new, sealed cookies'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(() => {
  vi.useRealTimers()
})

function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** The nodes of one move between two stores. */
interface Move {
  /** A node with the original. */
  readonly old: App
  /** A node of the first step: it writes the old format and accepts the new one. */
  readonly accept: App
  /** A node of the second step. */
  readonly write: App
}

type Native = { store: Store } | { secret: string }

function move(shared: (isOriginal: boolean) => Options, native: Native, options: Partial<Options> = {}): Move {
  const make = (write: boolean) => {
    const all = { ...shared(false), expireAfterSeconds: 3600, ...options, native: { ...native, until: UNTIL, write } }
    return site(okibi, all as Options)
  }
  return {
    old: site(original, { ...shared(true), expireAfterSeconds: 3600, ...options }),
    accept: make(false),
    write: make(true),
  }
}

const from: Record<string, () => (isOriginal: boolean) => Options> = {
  'a driver': () => {
    const store = new TextDriver()
    return () => ({ store })
  },
  'a driver with a key': () => {
    const store = new TextDriver()
    return () => ({ store, encryptionKey: KEY })
  },
  "okibi's MemoryStore with a key": () => {
    const store = new okibi.MemoryStore()
    return () => ({ store, encryptionKey: KEY })
  },
  'the cookie': () => (isOriginal) => ({
    store: isOriginal ? new original.CookieStore() : new okibi.CookieStore(),
    encryptionKey: KEY,
  }),
}
const to: Record<string, () => Native> = {
  'a store': () => ({ store: memoryStore({ clock: () => Date.now() }) }),
  'a sealed cookie': () => ({ secret: SECRET }),
}

/** Visits nodes in turn, as behind a load balancer. */
async function around(jar: Jar, nodes: readonly App[], path: string): Promise<unknown[]> {
  const seen: unknown[] = []
  for (const node of nodes) {
    const there = jar.twin(node)
    seen.push(await there.json(path))
    // All nodes share the browser's cookies.
    jar.cookies.clear()
    for (const [name, value] of there.cookies) jar.cookies.set(name, value)
  }
  return seen
}

for (const [old, shared] of Object.entries(from)) {
  for (const [fresh, native] of Object.entries(to)) {
    describe(`${old} → ${fresh}`, () => {
      test('n24 a visitor stays signed in through every phase, on every node', async () => {
        const nodes = move(shared(), native())
        const ann = new Jar(nodes.old)
        await ann.json('/login/ann')
        await ann.json('/flash/message?v="welcome"')
        const phases: App[][] = [
          [nodes.old],
          [nodes.old, nodes.accept],
          [nodes.accept],
          [nodes.accept, nodes.write],
          [nodes.write],
        ]
        let count = 0
        for (const phase of phases) {
          for (let visit = 0; visit < 3; visit += 1) {
            pass(1000)
            for (const seen of await around(ann, phase, '/get/user')) expect(seen).toBe('ann')
            const counts = await around(ann, phase, '/count')
            for (const seen of counts) {
              count += 1
              expect(seen).toBe(count)
            }
          }
        }
        expect([...ann.cookies.keys()]).toEqual(['__Host-session'])
        expect(await around(ann, [nodes.write, nodes.write], '/get/message')).toEqual(['welcome', null])
      })

      test('a session from one phase opens in all later phases', async () => {
        for (const begin of ['old', 'accept', 'write'] as const) {
          const nodes = move(shared(), native())
          const ann = new Jar(nodes[begin])
          await ann.json('/login/ann')
          const follow = begin === 'old' ? [nodes.accept, nodes.write] : [nodes.accept, nodes.write, nodes.accept]
          expect(await around(ann, follow, '/get/user')).toEqual(follow.map(() => 'ann'))
        }
      })

      test('a visitor without session data gets no cookie, and an invalid cookie is no session', async () => {
        const nodes = move(shared(), native())
        for (const app of [nodes.accept, nodes.write]) {
          for (const cookie of ['', 'session=garbage', '__Host-session=garbage', 'session=x; __Host-session=y']) {
            const answer = await app.request('/get/user', { headers: { cookie } })
            expect([cookie, answer.status, await answer.json()]).toEqual([cookie, 200, null])
            expect(answer.headers.getSetCookie()).toEqual([])
          }
        }
      })

      test('a rotation and a logout work in every phase', async () => {
        const nodes = move(shared(), native())
        for (const app of [nodes.accept, nodes.write]) {
          const ann = new Jar(nodes.old)
          await ann.json('/set/cart?v=[1]')
          await around(ann, [app], '/login/ann')
          expect(await around(ann, [app], '/get/cart')).toEqual([[1]])
          await around(ann, [app], '/rotate')
          expect(await around(ann, [nodes.accept, nodes.write], '/get/user')).toEqual(['ann', 'ann'])
          await around(ann, [app], '/logout')
          expect(ann.cookies.size).toBe(0)
        }
      })

      test('after the end date the old format opens nothing', async () => {
        const nodes = move(shared(), native(), { expireAfterSeconds: 90 * 86_400 })
        const ann = new Jar(nodes.old)
        await ann.json('/login/ann')
        const moved = ann.twin(nodes.write)
        expect(await moved.json('/get/user')).toBe('ann')
        pass(31 * 86_400)
        expect(await ann.twin(nodes.write).json('/get/user')).toBe(null)
        expect(await moved.json('/get/user')).toBe('ann')
      })
    })
  }

  // A sealed cookie of the old package has no id to revoke. It opens until it expires.
  if (old === 'the cookie') continue
  describe(`n41 a logout is final: ${old} → a store`, () => {
    /** Collects all cookies that the visitor had, and returns each alone and all pairs. */
    class Collector {
      readonly seen = new Map<string, Set<string>>()

      note(jar: Jar): void {
        for (const [name, value] of jar.cookies) this.seen.set(name, (this.seen.get(name) ?? new Set()).add(value))
      }

      *all(): Generator<[string, string][]> {
        const single = [...this.seen].flatMap(([name, values]) => [...values].map((value) => [name, value] as const))
        for (const [name, value] of single) yield [[name, value]]
        for (const [name, value] of single) {
          for (const [other, its] of single) {
            if (name !== other) {
              yield [
                [name, value],
                [other, its],
              ]
            }
          }
        }
      }
    }

    const routes: [string, (keyof Move)[], keyof Move][] = [
      ['at the first step', ['old', 'accept'], 'accept'],
      ['at the second step', ['old', 'accept', 'write'], 'write'],
      ['at a node of the first step, after one of the second', ['old', 'write', 'accept'], 'accept'],
      ['at a node without an earlier request of it', ['old', 'accept'], 'write'],
      ['at the first visit of the second step', ['old'], 'write'],
      ['on alternating nodes from the second step', ['write', 'accept', 'write'], 'write'],
    ]
    for (const [what, visits, end] of routes) {
      test(what, async () => {
        const nodes = move(shared(), to['a store']?.() as Native)
        const ann = new Jar(nodes.old)
        const collector = new Collector()
        for (const node of visits) {
          await around(ann, [nodes[node]], '/login/ann')
          collector.note(ann)
          await around(ann, [nodes[node]], '/count')
          collector.note(ann)
        }
        await around(ann, [nodes[end]], '/logout')
        expect(ann.cookies.size).toBe(0)
        pass(100)
        for (const cookies of collector.all()) {
          for (const node of [nodes.accept, nodes.write, nodes.accept]) {
            expect(await new Jar(node, cookies).json('/get/user')).toBe(null)
          }
        }
      })
    }

    test('a concurrent request with the old cookie uses the new session', async () => {
      const nodes = move(shared(), to['a store']?.() as Native)
      const ann = new Jar(nodes.old)
      await ann.json('/login/ann')
      const tab = ann.twin(nodes.accept)
      const late = ann.twin(nodes.write)
      await around(ann, [nodes.write], '/set/moved')
      await tab.json('/set/tab')
      await late.json('/set/late')
      expect([...tab.cookies.keys(), ...late.cookies.keys()]).toEqual(['__Host-session', '__Host-session'])
      const { _data } = (await ann.twin(nodes.write).json('/cache')) as Data
      expect(Object.keys(_data).sort()).toEqual(['late', 'moved', 'tab', 'user'])
    })

    test('concurrent first visits move one session and lose no change', async () => {
      const nodes = move(shared(), to['a store']?.() as Native)
      const ann = new Jar(nodes.old)
      await ann.json('/login/ann')
      const tabs = Array.from({ length: 20 }, (_, at) => ann.twin(at % 4 === 0 ? nodes.accept : nodes.write))
      await Promise.all(tabs.filter((tab) => tab.app === nodes.write).map((tab, at) => tab.json(`/set/n${at}`)))
      const { _data } = (await (tabs[1] as Jar).json('/cache')) as Data
      expect(Object.keys(_data)).toHaveLength(16)
    })
  })
}

test("okibi's own middleware opens the sessions after the move", async () => {
  const store = memoryStore({ clock: () => Date.now() })
  const stored: Driver = new TextDriver()
  const nodes = move(() => ({ store: stored }), { store })
  const ann = new Jar(nodes.old)
  await ann.json('/login/ann')
  await around(ann, [nodes.accept, nodes.write], '/set/cart?v=[1]')
  const app = new Hono<SessionEnv<{ user: string; cart: number[] }>>()
  app.use(sessions({ store, clock: () => Date.now() }))
  app.get('/', (c) => c.json([c.get('session').get('user') ?? null, c.get('session').get('cart') ?? null]))
  expect(await ann.twin(app as never).json('/')).toEqual(['ann', [1]])
})

test('getCache has the old shape for a session in the new format', async () => {
  const { write } = move(() => ({ store: new TextDriver() }), { store: memoryStore({ clock: () => Date.now() }) })
  const ann = new Jar(write)
  expect(await ann.json('/cache')).toEqual({
    _data: {},
    _expire: null,
    _delete: false,
    _accessed: '2026-03-01T12:00:00.000Z',
  })
  expect(ann.sent).toEqual([])
  await ann.json('/set/a?v=1')
  expect(ann.sent).toEqual([expect.stringMatching(/^__Host-session=[\w-]{43}; .*Secure/)])
  const seen = (await ann.json('/cache')) as Data
  // The handle, which opens nothing.
  expect(seen._id).toMatch(/^[\w-]{22}$/)
  expect(ann.header).not.toContain(seen._id)
  expect(seen).toMatchObject({ _data: { a: { value: 1, flash: false } }, _expire: '2026-03-01T13:00:00.000Z' })
  await ann.json('/touch')
})

test('n6 a new store that is down is an error, in both steps', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const store = new Watched(memoryStore())
  const nodes = move(() => ({ store: new TextDriver() }), { store })
  const ann = new Jar(nodes.write)
  await ann.json('/login/ann')
  const bob = new Jar(nodes.accept)
  await bob.json('/login/bob')
  store.interfere = () => Promise.reject(new Error('down'))
  for (const jar of [ann, ann.twin(nodes.accept), bob, bob.twin(nodes.write)]) {
    const answer = await jar.fetch('/get/user')
    expect([answer.status, jar.sent]).toEqual([503, []])
  }
  store.interfere = undefined
  expect([await ann.json('/get/user'), await bob.json('/get/user')]).toEqual(['ann', 'bob'])
})
