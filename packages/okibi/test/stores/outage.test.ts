// Answers for visitors while a store is down, stalls, resets or sends partial replies, and
// afterwards: every store and client in Hono, set up as the documentation says.
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { Browser } from '../support/browser.js'
import { type ClientSetup, setups } from './outage-clients.js'
import { type Cut, FaultProxy, type Mode } from './proxy.js'

/**
 * The default time limits of a store call and of a commit, and the slack for a busy machine, in ms.
 */
const STORE_TIMEOUT = 2000
const COMMIT_DEADLINE = 10_000
const SLACK = 20_000
/** The most milliseconds until the app works again after the store does. */
const RECOVERY = 120_000
/** The number of concurrent visitors. */
const CROWD = 8
/** The milliseconds of the longest stall. */
const LONG = 30_000

const OUTAGES: readonly Mode[] = [
  'refuse',
  'hang up',
  'reset',
  'stall',
  { delay: 3000 },
  { after: 0, end: 'reset' },
  { after: 2, end: 'reset' },
  { after: 2, end: 'close' },
  { after: 2, end: 'silence' },
]
const LOSSES: readonly Cut[] = [
  { after: 0, end: 'reset' },
  { after: 0, end: 'close' },
  { after: 0, end: 'silence' },
  { after: 2, end: 'reset' },
  { after: 2, end: 'close' },
  { after: 2, end: 'silence' },
]

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
const all = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: CROWD }, call))

type Data = { n: number }

/** An app over a store behind proxies, and its visitors. */
class World {
  readonly name: string
  readonly proxies: readonly FaultProxy[]
  readonly close: () => unknown
  readonly app: Hono<SessionEnv<Data>> = new Hono<SessionEnv<Data>>()
  /** The number of store calls. */
  calls = 0
  #start = 0
  /** Runs in the next request that adds, between its load and its commit. */
  #meanwhile: (() => Promise<void>) | undefined

  private constructor(name: string, proxies: readonly FaultProxy[], store: Store, close: () => unknown) {
    this.name = name
    this.proxies = proxies
    this.close = close
    this.app.use(sessions({ store: this.#counted(store) }))
    this.app.get('/bare', (c) => c.text('bare'))
    this.app.get('/', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
    this.app.get('/start', (c) => {
      c.get('session').set('n', Number(c.req.query('n')))
      return c.text('started')
    })
    this.app.get('/add', async (c) => {
      const n = c.get('session').update('n', (n = 0) => n + 1)
      const meanwhile = this.#meanwhile
      this.#meanwhile = undefined
      await meanwhile?.()
      const head = { location: '/there', 'cache-control': 'public, max-age=60', 'set-cookie': 'flavour=oat' }
      return c.text(String(n), 201, head)
    })
    this.app.get('/out', (c) => {
      c.get('session').destroy()
      return c.text('out')
    })
  }

  static async of(setup: ClientSetup, name = setup.name): Promise<World> {
    const proxies = await FaultProxy.before(...setup.targets())
    const { store, close } = await setup.open(proxies)
    return new World(name, proxies, store, () => {
      close()
      for (const proxy of proxies) proxy.stop()
    })
  }

  #counted(store: Store): Store {
    const counted = <A extends unknown[], R>(call: (...values: A) => R) => {
      return (...values: A): R => {
        this.calls += 1
        return call(...values)
      }
    }
    return {
      load: counted((key) => store.load(key)),
      swap: counted((key, expected, write) => store.swap(key, expected, write)),
      delete: counted((key) => store.delete(key)),
      consistency: store.consistency,
    }
  }

  anonymousVisitor(): Browser {
    return new Browser(this.app as unknown as Hono)
  }

  /** A visitor with a counter in the session, and its value. No other visitor has a near value. */
  async visitor(): Promise<[Browser, number]> {
    this.#start += 1000
    const start = this.#start
    const browser = this.anonymousVisitor()
    // Clients connect at first use, and many do so concurrently.
    await vi.waitFor(() => browser.text(`/start?n=${start}`), RECOVERY)
    return [browser, start]
  }

  async set(mode: Mode): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.set(mode)))
  }

  addAfter(visitor: Browser, meanwhile: () => Promise<void>): Promise<Response> {
    this.#meanwhile = meanwhile
    return add(visitor)
  }

  /**
   * Ends the fault, waits until concurrent requests with this visitor's cookie work, and returns
   * the counter.
   */
  async recovers(visitor: Browser): Promise<number> {
    await this.set('open')
    const healed = Date.now()
    for (;;) {
      const answers = await all(() => visitor.twin().fetch('/'))
      const counts = new Set(await Promise.all(answers.map((answer) => answer.clone().text())))
      if (answers.every(({ status }) => status === 200) && counts.size === 1) return Number([...counts][0])
      for (const answer of answers.filter(({ status }) => status !== 200)) isOutage(this.name, answer)
      if (Date.now() - healed > RECOVERY) throw new Error(`${this.name}: it does not recover: ${[...counts]}`)
      await pause(50)
    }
  }
}

/** Adds in a twin of the visitor, so that the app's own cookie stays out of the visitor's jar. */
function add(visitor: Browser): Promise<Response> {
  return visitor.twin().fetch('/add')
}

async function timed<T>(happening: Promise<T>): Promise<[T, number]> {
  const begun = Date.now()
  return [await happening, Date.now() - begun]
}

/** Expects a 503 without a cookie and without the app's own answer. */
function isOutage(name: string, answer: Response): void {
  const head = ['location', 'cache-control'].map((header) => answer.headers.get(header))
  expect([answer.status, answer.headers.getSetCookie(), ...head], name).toEqual([503, [], null, 'no-store'])
}

async function isAdded(name: string, answer: Response, n: number): Promise<void> {
  expect([answer.status, await answer.text()], name).toEqual([201, String(n)])
}

async function anOutage(world: World, mode: Mode): Promise<void> {
  const { name } = world
  const [[ann, annHad], [ben, benHad], [eve, eveHad]] = [
    await world.visitor(),
    await world.visitor(),
    await world.visitor(),
  ]
  const [newcomer, cookies] = [world.anonymousVisitor(), [ann.header, ben.header, eve.header]]

  const [answer, took] = await timed(world.addAfter(ben, () => world.set(mode)))
  isOutage(name, answer)
  expect(took, name).toBeLessThan(COMMIT_DEADLINE + SLACK)

  const { calls } = world
  for (let count = 0; count < 10; count += 1) {
    expect(await world.anonymousVisitor().text('/bare')).toBe('bare')
    expect(await world.anonymousVisitor().text('/')).toBe('none')
  }
  expect(world.calls, `${name}: an anonymous request makes no call`).toBe(calls)

  const crowd = Promise.all([
    all(() => timed(ann.twin().fetch('/'))),
    all(() => timed(add(ann))),
    all(() => timed(eve.twin().fetch('/out'))),
  ])
  const creation = timed(newcomer.fetch('/add'))
  for (let count = 0; count < 20; count += 1) {
    const [anonymous, took] = await timed(world.anonymousVisitor().fetch('/'))
    expect([anonymous.status, anonymous.headers.getSetCookie()]).toEqual([200, []])
    expect(took, `${name}: an anonymous request`).toBeLessThan(SLACK / 2)
    await pause(20)
  }
  for (const [answer, took] of (await crowd).flat()) {
    isOutage(name, answer)
    expect(took, name).toBeLessThan(STORE_TIMEOUT + SLACK)
  }
  const [created, creating] = await creation
  // Two bytes of the reply to a new session are enough for a client: `$-` can only be followed by
  // `1`, the absence of a former value.
  const isCreated = created.status === 201 && typeof mode === 'object' && 'after' in mode && mode.after >= 2
  if (isCreated) await isAdded(name, created, 1)
  else isOutage(name, created)
  expect(creating, name).toBeLessThan(COMMIT_DEADLINE + SLACK)
  expect(newcomer.header !== '', name).toBe(isCreated)

  expect(await world.recovers(ann), `${name}: none was loaded, so none was changed`).toBe(annHad)
  expect(await world.recovers(eve), `${name}: no visitor was logged out`).toBe(eveHad)
  const benNow = await world.recovers(ben)
  // A commit without an answer may have been made, even late, but only once.
  expect([benHad, benHad + 1], name).toContain(benNow)
  for (const [visitor, has] of [
    [ann, annHad],
    [ben, benNow],
    [eve, eveHad],
  ] as const) {
    await isAdded(name, await add(visitor), has + 1)
  }
  expect([ann.header, ben.header, eve.header], `${name}: cookies are still good`).toEqual(cookies)
  await isAdded(name, await newcomer.fetch('/add'), isCreated ? 2 : 1)
  expect(await eve.text('/out')).toBe('out')
  expect(eve.header).toBe('')
}

async function aLostReply(world: World, cut: Cut): Promise<void> {
  const name = `${world.name}, ${JSON.stringify(cut)}`
  const [ann, had] = await world.visitor()
  const cuts = () => world.proxies.reduce((sum, proxy) => sum + proxy.cuts, 0)
  const before = cuts()
  // Some clients send raw bytes, some send hexadecimal.
  const words = Buffer.from(`"n":${had + 1}}`)
  world.proxies[0]?.cutReplyTo([words, Buffer.from(words.toString('hex'))], cut)
  let [answer, took] = await timed(add(ann))
  // On a busy machine the load before the change may exceed its limit. Then there is no reply to
  // cut.
  for (const begun = Date.now(); cuts() === before && Date.now() - begun < RECOVERY; ) {
    isOutage(name, answer)
    expect(await world.recovers(ann), `${name}: nothing was changed`).toBe(had)
    if (cuts() === before) [answer, took] = await timed(add(ann))
  }
  expect(cuts(), `${name}: it was cut`).toBe(before + 1)
  expect(took, name).toBeLessThan(COMMIT_DEADLINE + SLACK)
  if (answer.status === 201) await isAdded(name, answer, had + 1)
  else isOutage(name, answer)
  expect(await world.recovers(ann), `${name}: it was carried out, once`).toBe(had + 1)
  await isAdded(name, await add(ann), had + 2)
}

async function aLongStall(world: World): Promise<void> {
  const [ann, had] = await world.visitor()
  await world.set('stall')
  const begun = Date.now()
  while (Date.now() - begun < LONG) {
    for (const [answer, took] of await all(() => timed(add(ann)))) {
      isOutage(world.name, answer)
      expect(took, world.name).toBeLessThan(STORE_TIMEOUT + SLACK)
    }
    expect(await world.anonymousVisitor().text('/')).toBe('none')
  }
  expect(await world.recovers(ann)).toBe(had)
  await isAdded(world.name, await add(ann), had + 1)
}

/** Skips silence for a client that keeps a silent connection, as the documentation says. */
const isTried = (setup: ClientSetup, mode: Mode) =>
  setup.noticesSilence || !(typeof mode === 'object' && 'end' in mode && mode.end === 'silence')

beforeAll(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterAll(() => vi.restoreAllMocks())

for (const start of Object.values(setups)) {
  const setup = await start()
  afterAll(() => setup.stop())

  describe.concurrent(setup.name, () => {
    test('n6_n42_s22_s23_an_outage_is_a_503_without_a_logout_and_the_app_recovers', async () => {
      const outages = OUTAGES.filter((mode) => isTried(setup, mode)).map(async (mode) => {
        const world = await World.of(setup, `${setup.name}, ${JSON.stringify(mode)}`)
        await anOutage(world, mode).finally(world.close)
      })
      await Promise.all(outages)
    }, 600_000)

    test('n39_a_lost_reply_counts_once', async () => {
      const world = await World.of(setup)
      for (const cut of LOSSES.filter((cut) => isTried(setup, cut))) await aLostReply(world, cut)
      world.close()
    }, 600_000)

    test('n6_s23_a_stall_of_thirty_seconds_is_a_503_within_the_deadline_and_the_app_recovers', async () => {
      const world = await World.of(setup)
      await aLongStall(world).finally(world.close)
    }, 600_000)

    test('n6_no_connection_is_left_open_after_outages', async () => {
      const world = await World.of(setup)
      const [ann] = await world.visitor()
      const outages: Mode[] = ['stall', 'reset', 'refuse', { after: 2, end: 'close' }, { after: 2, end: 'silence' }]
      for (const mode of outages.filter((mode) => isTried(setup, mode))) {
        for (let round = 0; round < 2; round += 1) {
          await world.set(mode)
          for (const answer of await Promise.all([all(() => add(ann)), all(() => add(ann))])) {
            for (const each of answer) isOutage(world.name, each)
          }
          await world.recovers(ann)
        }
      }
      const open = () => world.proxies.reduce((sum, proxy) => sum + proxy.open, 0)
      await vi.waitFor(() => expect(open(), world.name).toBeLessThanOrEqual(setup.most), 120_000)
      world.close()
    }, 600_000)
  })
}
