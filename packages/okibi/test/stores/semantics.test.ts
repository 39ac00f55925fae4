// Concurrent requests of one session at two instances of an app that share a store.
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { Browser } from '../support/browser.js'
import { type Backend, backends } from './backends.js'

type Data = { n: number; user: string; note: string; [name: `name${number}`]: number }

/** The number of concurrent requests. */
const MANY = 100
/** The number of logouts during slow requests, and of concurrent visitors. */
const LOGOUTS = 1000
const LANES = 10
/** The number of requests of each of two users. */
const REQUESTS = 400

/**
 * A point in a handler where requests wait. `reached` resolves when the expected number waits
 * there.
 */
class Gate {
  readonly opened: Promise<void>
  readonly reached: Promise<void>
  open: () => void = () => undefined
  #reach: () => void = () => undefined
  #missing: number

  constructor(expected: number) {
    this.#missing = expected
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
  }

  pass(): Promise<void> {
    this.#missing -= 1
    if (this.#missing === 0) this.#reach()
    return this.opened
  }
}

const gates = new Map<string, Gate>()

/** Makes a gate for this many requests. Each request has its name in the path. */
function gate(name: string, expected: number): Gate {
  const made = new Gate(expected)
  gates.set(name, made)
  return made
}

function app(store: Store) {
  const app = new Hono<SessionEnv<Data>>()
  // Long limits: a busy machine may need many attempts.
  app.use(sessions<Data>({ store, storeTimeout: 60, commitDeadline: 120 }))
  app.get('/start', (c) => {
    c.get('session').set('n', 0)
    c.get('session').set('user', 'ada')
    return c.text('started')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n'))))
  app.get('/names', (c) => c.text(String(c.get('session').names().length)))
  app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('bye')
  })
  app.get('/meet/:gate/:what/:number', async (c) => {
    const session = c.get('session')
    const { gate, what, number } = c.req.param()
    session.get('n')
    await gates.get(gate)?.pass()
    if (what === 'add') session.update('n', (n = 0) => n + 1)
    if (what === 'name') session.set(`name${Number(number)}`, Number(number))
    if (what === 'note') session.set('note', 'revived')
    if (what === 'renew') session.renewId()
    if (what === 'rotate') {
      session.rotate()
      session.set('user', 'eve')
    }
    return c.text('met')
  })
  app.get('/canary/:who/:number', async (c) => {
    const session = c.get('session')
    const { who, number } = c.req.param()
    const seen = session.get('user') ?? who
    await null
    session.set('user', who)
    if (Number(number) % 50 === 10) session.rotate()
    if (Number(number) % 50 === 30) session.renewId()
    if (Number(number) % 50 === 49) session.destroy()
    return c.text(seen)
  })
  return app
}

describe.each(Object.entries(backends))('%s', (_name, start) => {
  let backend: Backend
  let apps: readonly [ReturnType<typeof app>, ReturnType<typeof app>]
  beforeAll(async () => {
    backend = await start()
    apps = [app(await backend.open()), app(await backend.open())]
  }, 60_000)
  afterAll(() => backend.stop())

  /** A visitor at one of the two apps, with these cookies. */
  const at = (number: number, cookies: Iterable<[string, string]> = []) =>
    new Browser(apps[number % 2 === 0 ? 0 : 1], cookies)

  async function begun(): Promise<Browser> {
    const browser = at(0)
    await browser.text('/start')
    return browser
  }

  /** Makes a hundred requests of one visitor to both apps. All load before any of them commits. */
  async function meet(browser: Browser, what: string): Promise<Browser[]> {
    const { reached, open } = gate(what, MANY)
    const browsers = Array.from({ length: MANY }, (_, number) => at(number, browser.cookies))
    const answers = browsers.map((browser, number) => browser.text(`/meet/${what}/${what}/${number}`))
    await reached
    open()
    await Promise.all(answers)
    return browsers
  }

  test('n2_a_hundred_concurrent_updates_make_a_hundred', async () => {
    const browser = await begun()
    await meet(browser, 'add')
    for (const number of [0, 1]) expect(await at(number, browser.cookies).text('/n')).toBe(String(MANY))
  }, 60_000)

  test('n2_a_hundred_concurrent_sets_of_distinct_names_survive', async () => {
    const browser = await begun()
    await meet(browser, 'name')
    for (const number of [0, 1]) expect(await at(number, browser.cookies).text('/names')).toBe(String(MANY + 2))
  }, 60_000)

  test('s18_n5_of_a_hundred_rotations_one_wins_and_leaves_no_orphan', async () => {
    const before = await backend.records()
    const browser = await begun()
    const racers = await meet(browser, 'rotate')
    // One request keeps the session, and each other one creates its own.
    expect(new Set(racers.map((racer) => racer.header)).size).toBe(MANY)
    for (const racer of racers) expect(await racer.text('/user')).toBe('eve')
    // A record for each, a marker for the old one, and markers for the records that the losers
    // created first.
    expect(await backend.records()).toBe(before + 2 * MANY)
  }, 60_000)

  test('n1_s19_a_thousand_logouts_during_slow_requests_revive_nothing', async () => {
    const before = await backend.records()
    const lane = async (first: number) => {
      for (let round = first; round < LOGOUTS; round += LANES) {
        const browser = at(round)
        await browser.text('/start')
        const stolen = [...browser.cookies]
        const name = `logout${round}`
        const { reached, open } = gate(name, 1)
        const what = ['note', 'add', 'renew'][round % 3]
        const slow = at(round + 1, stolen).fetch(`/meet/${name}/${what}/0`)
        await reached
        await browser.text('/logout')
        expect(browser.cookies.size).toBe(0)
        open()
        const answer = await slow
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
        for (const number of [0, 1]) expect(await at(number, stolen).text('/user')).toBe('anonymous')
        gates.delete(name)
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)))
    // A marker for each destroyed session, and for each record that a renewal of the id created and
    // undid.
    expect(await backend.records()).toBe(before + LOGOUTS + Math.floor(LOGOUTS / 3))
  }, 120_000)

  test('s20_two_users_never_see_each_others_values', async () => {
    const visit = async (who: string) => {
      let cookies: Iterable<[string, string]> = []
      for (let number = 0; number < REQUESTS; number += 1) {
        const browser = at(number, cookies)
        expect(await browser.text(`/canary/${who}/${number}`)).toBe(who)
        cookies = browser.cookies
      }
    }
    await Promise.all([visit('canary-of-ada'), visit('canary-of-eve')])
  }, 60_000)
})
