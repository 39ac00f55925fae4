// Concurrent requests of one session: changes, logouts, logins, renewals, and take.
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { type SessionEnv, type SessionEvent, sessions } from '../src/index.js'
import type { Store } from '../src/store.js'
import { Browser } from './support/browser.js'
import { openStore, shippedStores, shuffled, Watched } from './support/stores.js'

type Data = { user: string; n: number; ticket: string; cart: number[]; [name: `name${number}`]: number }

/** A point where a handler waits until the test opens it. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

function make(store: Store, options: { grace?: number } = {}) {
  const events: SessionEvent[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  let arrived = 0
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store, onEvent: (event) => events.push(event), ...options }))
  app.get('/start', (c) => {
    c.get('session').set('n', 0)
    return c.text('started')
  })
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/add-later', async (c) => {
    await gates.get('add')?.opened
    return c.text(String(c.get('session').update('n', (n = 0) => n + 1)))
  })
  app.get('/set/:at', async (c) => {
    const session = c.get('session')
    await new Promise((resolve) => setImmediate(resolve))
    session.set(`name${Number(c.req.param('at'))}`, 1)
    return c.text('set')
  })
  app.get('/names', (c) => c.json(c.get('session').names()))
  app.get('/n', (c) => c.text(String(c.get('session').get('n'))))
  app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/login', (c) => {
    c.get('session').set('user', 'ann')
    c.get('session').rotate()
    return c.text('in')
  })
  app.get('/login-together', async (c) => {
    c.get('session').set('user', 'ann')
    c.get('session').rotate()
    arrived += 1
    await gates.get('login')?.opened
    return c.text('in')
  })
  app.get('/renew', (c) => {
    c.get('session').renewId()
    return c.text('renewed')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  app.get('/take', async (c) => c.json((await c.get('session').take('ticket')) ?? null))
  app.get('/slow', async (c) => {
    c.get('session').set('user', 'slow')
    await gates.get('slow')?.opened
    return c.text('slow')
  })
  const wait = (name: string) => {
    const made = gate()
    gates.set(name, made)
    return made
  }
  return { app, events, wait, arrived: () => arrived }
}

async function cookieOf(answer: Promise<Response>): Promise<string[]> {
  return (await answer).headers.getSetCookie()
}

describe.each(Object.entries(shippedStores()))('%s', (_name, open) => {
  test('n2_a_hundred_parallel_updates_make_a_hundred', async () => {
    const { app } = make(shuffled(open()))
    const ann = new Browser(app)
    await ann.text('/start')
    await Promise.all(Array.from({ length: 100 }, () => ann.text('/add')))
    expect(await ann.text('/n')).toBe('100')
  })

  test('n2_fifty_parallel_sets_of_distinct_names_all_survive', async () => {
    const { app } = make(shuffled(open()))
    const ann = new Browser(app)
    await ann.text('/start')
    await Promise.all(Array.from({ length: 50 }, (_, at) => ann.text(`/set/${at}`)))
    const names = JSON.parse(await ann.text('/names')) as string[]
    expect(names.sort()).toEqual(['n', ...Array.from({ length: 50 }, (_, at) => `name${at}`)].sort())
  })

  test('take_returns_a_value_to_exactly_one_of_a_hundred_requests', async () => {
    const { app } = make(shuffled(open()))
    app.get('/ticket', (c) => {
      c.get('session').set('ticket', 'the one')
      return c.text('put')
    })
    const ann = new Browser(app)
    await ann.text('/ticket')
    const taken = await Promise.all(Array.from({ length: 100 }, () => ann.text('/take')))
    expect(taken.filter((got) => got === '"the one"')).toHaveLength(1)
    expect(taken.filter((got) => got === 'null')).toHaveLength(99)
  })
})

/** The number of sessions in a store (`live`), and of markers by kind. */
function kinds(stored: ReadonlyMap<string, { bytes: Uint8Array }>): string[] {
  const records = [...stored.values()].map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as { r?: string })
  return records.map(({ r }) => r ?? 'live').sort()
}

test('n1_s19_a_slow_request_never_revives_a_destroyed_session_in_a_thousand_logouts', async () => {
  const { store, stored } = openStore()
  const { app, wait } = make(store)
  for (let round = 0; round < 1000; round += 1) {
    const ann = new Browser(app)
    await ann.text('/start')
    const cookies = ann.twin()
    const { open } = wait('slow')
    const slow = ann.twin().fetch('/slow')
    await ann.text('/logout')
    open()
    expect(await cookieOf(slow)).toEqual([])
    expect(await cookies.text('/user')).toBe('anonymous')
    expect(ann.cookies.size).toBe(0)
  }
  // One marker for each session, and no session.
  expect(kinds(stored)).toEqual(Array(1000).fill('rotate'))
})

test('n1_a_logout_during_a_commit_wins', async () => {
  const { app } = make(shuffled(openStore().store, 3))
  for (let round = 0; round < 200; round += 1) {
    const ann = new Browser(app)
    await ann.text('/start')
    const old = ann.twin()
    await Promise.all([
      ann.twin().fetch('/add'),
      ann.text('/logout'),
      ann.twin().fetch('/renew'),
      ann.twin().fetch('/add'),
    ])
    expect(await old.text('/n')).toBe('undefined')
  }
})

test('n5_after_rotate_the_old_id_opens_nothing_and_a_slow_request_sends_no_cookie', async () => {
  const { app, events, wait } = make(new Watched())
  const ann = new Browser(app)
  await ann.text('/start')
  const old = ann.twin()
  const { open } = wait('slow')
  const late = old.twin().fetch('/slow')
  await ann.text('/login')
  open()
  expect(await cookieOf(late)).toEqual([])
  expect(events).toContain('changes_dropped')
  expect(await ann.text('/user')).toBe('ann')
  // A request with the old cookie is anonymous, and its changes do not reach the session.
  expect(await old.text('/user')).toBe('anonymous')
  expect((await old.twin().fetch('/add')).headers.getSetCookie()).toEqual([])
  // A second login with the old cookie works, and makes another session.
  const again = old.twin()
  await again.text('/login')
  expect(await again.text('/user')).toBe('ann')
  expect(again.header).not.toBe(ann.header)
})

test('s18_of_a_hundred_concurrent_logins_one_wins_and_the_old_id_opens_nothing', async () => {
  const { store, stored } = openStore()
  const { app, wait, arrived } = make(shuffled(store, 5))
  const ann = new Browser(app)
  await ann.text('/start')
  const { open } = wait('login')
  const racers = Array.from({ length: 100 }, () => cookieOf(ann.twin().fetch('/login-together')))
  while (arrived() < 100) await new Promise((resolve) => setImmediate(resolve))
  open()
  const sets = await Promise.all(racers)
  // One login keeps the session, each other one creates its own. With the cookie of any answer Ann
  // is signed in.
  expect(new Set(sets.map(([cookie]) => cookie)).size).toBe(100)
  for (const cookies of sets) expect(cookies).toHaveLength(1)
  expect(await ann.twin().text('/user')).toBe('anonymous')
  // The records that the losers created first became markers, as the old session did.
  expect(kinds(stored)).toEqual([...Array(100).fill('live'), ...Array(100).fill('rotate')])
})

test('n5_a_concurrent_change_never_makes_a_login_lose', async () => {
  const { app } = make(shuffled(openStore().store, 11))
  for (let round = 0; round < 200; round += 1) {
    const ann = new Browser(app)
    await ann.text('/start')
    const [add] = await Promise.all([ann.twin().fetch('/add'), ann.text('/login'), ann.twin().fetch('/set/1')])
    expect(await ann.text('/user')).toBe('ann')
    // The change was before the login, or after it. After it the change sent no cookie.
    const n = await ann.text('/n')
    expect(['0', '1']).toContain(n)
    expect(add.headers.getSetCookie()).toEqual([])
  }
})

test('n5_renew_id_loses_no_concurrent_request_and_survives_a_lost_response', async () => {
  const { app } = make(shuffled(openStore().store, 17))
  const ann = new Browser(app)
  await ann.text('/start')
  const old = ann.twin()
  // The response is lost: the visitor keeps the old cookie.
  const [renewed] = await cookieOf(ann.twin().fetch('/renew'))
  expect(renewed).toBeDefined()
  const parallel = await Promise.all(Array.from({ length: 20 }, () => old.twin().fetch('/add')))
  for (const answer of parallel) {
    // Each request uses the new session, and gets the new id.
    expect(answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])).toEqual([renewed?.split(';')[0]])
  }
  await old.text('/add')
  expect(await old.text('/n')).toBe('21')
  expect(old.header).toBe(renewed?.split(';')[0])
})

test('n5_without_grace_a_renewed_id_opens_nothing', async () => {
  const { app } = make(new Watched(), { grace: 0 })
  const ann = new Browser(app)
  await ann.text('/start')
  const old = ann.twin()
  await ann.text('/renew')
  expect(await old.text('/n')).toBe('undefined')
  expect(await ann.text('/n')).toBe('0')
})

test('n5_a_logout_with_a_renewed_id_destroys_the_session', async () => {
  const { app } = make(new Watched())
  const ann = new Browser(app)
  await ann.text('/start')
  const old = ann.twin()
  await ann.text('/renew')
  await old.text('/logout')
  expect(await ann.text('/n')).toBe('undefined')
})

test('s4_a_repeated_random_id_never_overwrites_a_session', async () => {
  const { store } = openStore()
  let repeats = 2
  const app = new Hono<SessionEnv<Data>>()
  const random = (bytes: Uint8Array) => {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
    if (repeats > 0) bytes.fill(repeats > 1 ? 7 : 7)
    repeats -= 1
  }
  app.use(sessions({ store, random }))
  app.get('/start', (c) => {
    c.get('session').set('user', c.req.query('user') ?? '')
    return c.text('started')
  })
  app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  const ann = new Browser(app)
  await ann.text('/start?user=ann')
  repeats = 1
  const ben = new Browser(app)
  await ben.text('/start?user=ben')
  expect(ben.header).not.toBe(ann.header)
  expect([await ann.text('/user'), await ben.text('/user')]).toEqual(['ann', 'ben'])
})

test('s20_two_visitors_never_see_each_others_values_in_a_hundred_thousand_interleaved_requests', async () => {
  const app = new Hono<SessionEnv<{ canary: string; n: number }>>()
  const { store } = openStore()
  store.interfere = async (_call, _key, through) => through()
  app.use(sessions({ store }))
  app.get('/:user', async (c) => {
    const session = c.get('session')
    const user = c.req.param('user')
    const seen = session.get('canary')
    if (seen === undefined) session.set('canary', user)
    await null
    if (c.req.query('change')) session.update('n', (n = 0) => n + 1)
    return c.text(`${seen ?? user} ${session.get('canary')}`)
  })
  const requests: [user: string, request: Request][] = []
  for (const user of ['ann', 'ben']) {
    const browser = new Browser(app)
    await browser.text(`/${user}`)
    const headers = { cookie: browser.header }
    requests.push([user, new Request(`http://localhost/${user}`, { headers })])
    requests.push([user, new Request(`http://localhost/${user}?change=1`, { headers })])
  }
  for (let round = 0; round < 1000; round += 1) {
    const batch = Array.from({ length: 100 }, (_, at) => {
      // Most requests only read: ann, ben, ann, ben. Four of twenty rounds also change a value.
      const change = round % 20 === 0 && at < 4 ? 1 : 0
      return requests[2 * (at % 2) + change] as (typeof requests)[number]
    })
    const seen = await Promise.all(
      batch.map(async ([user, request]) => (await (await app.fetch(request)).text()) === `${user} ${user}`),
    )
    expect(seen.every(Boolean)).toBe(true)
  }
}, 300_000)

test('m2_a_value_that_each_request_changes_first_is_taken_once_and_a_failure_does_not_restore_it', async () => {
  for (const how of ['in place', 'update', 'update, then fail']) {
    const { app } = make(openStore().store)
    let arrived = 0
    let open = () => {}
    const both = new Promise<void>((resolve) => {
      open = resolve
    })
    app.get('/cart', (c) => {
      c.get('session').set('cart', [1])
      return c.text('put')
    })
    app.get('/checkout', async (c) => {
      const session = c.get('session')
      if (how === 'in place') session.get('cart')?.push(2)
      else session.update('cart', (cart) => [...(cart ?? []), 2])
      arrived += 1
      if (arrived === 2) open()
      await both
      const taken = JSON.stringify((await session.take('cart')) ?? null)
      return c.text(taken, how === 'update, then fail' ? 500 : 200)
    })
    app.get('/left', (c) => c.text(JSON.stringify(c.get('session').get('cart') ?? null)))
    const ann = new Browser(app)
    await ann.text('/cart')
    const answers = await Promise.all([ann.twin().fetch('/checkout'), ann.twin().fetch('/checkout')])
    const taken = await Promise.all(answers.map((answer) => answer.text()))
    expect(taken.sort(), how).toEqual(['[1,2]', 'null'])
    expect(await ann.text('/left'), how).toBe('null')
  }
})

test('n2_a_mutation_of_an_object_after_a_commit_with_a_conflict_counts', async () => {
  for (const after of ['nothing', 'get', 'second commit', 'set', 'remove', 'take', 'both', 'during']) {
    const { app } = make(openStore().store)
    app.get('/cart', (c) => {
      c.get('session').set('cart', [1])
      return c.text('put')
    })
    app.get('/cart/other', (c) => {
      c.get('session').set('cart', [9])
      return c.text('put')
    })
    app.get('/left', (c) => c.text(JSON.stringify(c.get('session').get('cart') ?? null)))
    const ann = new Browser(app)
    app.get('/change', async (c) => {
      const session = c.get('session')
      const cart = session.get('cart')
      session.set('n', 1)
      await ann.twin().text('/cart/other')
      const committing = session.commit()
      if (after === 'during') cart?.push(2)
      await committing
      const newer = after === 'both' ? session.get('cart') : undefined
      if (after === 'take') await session.take('cart')
      if (after !== 'during') cart?.push(2)
      newer?.push(3)
      if (after === 'get') session.get('cart')?.push(3)
      if (after === 'second commit') {
        await session.commit()
        cart?.push(3)
      }
      if (after === 'set') session.set('cart', [5])
      if (after === 'remove') session.remove('cart')
      return c.text('changed')
    })
    await ann.text('/cart')
    const { status } = await ann.twin().fetch('/change')
    expect(status, after).toBe(after === 'both' ? 500 : 200)
    const expected: Record<string, string> = {
      get: '[1,2,3]',
      'second commit': '[1,2,3]',
      set: '[5]',
      remove: 'null',
      take: 'null',
      both: '[9]',
    }
    expect(await ann.text('/left'), after).toBe(expected[after] ?? '[1,2]')
  }
})

test('n2_an_update_during_a_commit_of_the_same_request_is_kept_with_and_without_a_conflict', async () => {
  for (let round = 0; round < 16; round += 1) {
    const turns = round % 8
    const { app } = make(shuffled(openStore().store, round))
    const ann = new Browser(app)
    app.get('/start-with-ticket', (c) => {
      c.get('session').set('ticket', 'the one')
      c.get('session').set('n', 0)
      return c.text('started')
    })
    app.get('/beside', async (c) => {
      const session = c.get('session')
      session.update('n', (n = 0) => n + 10)
      await ann.twin().text('/add')
      // Either the take meets the conflict or the commit.
      if (round < 8) expect(await session.take('ticket')).toBe('the one')
      const committing = session.commit()
      for (let left = turns; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve))
      session.update('n', (n = 0) => n + 100)
      await committing
      return c.text('changed')
    })
    await ann.text('/start-with-ticket')
    await ann.text('/beside')
    expect(await ann.text('/n'), `round ${round}`).toBe('111')
  }
})

test('m1_a_slow_answer_after_a_renewal_or_an_early_commit_does_not_undo_a_login', async () => {
  const cases = ['renewed before', 'renews', 'changes its lifetime'].flatMap((early) => [
    { early, logsIn: true },
    { early, logsIn: false },
  ])
  for (const { early, logsIn } of cases) {
    const { app, wait } = make(openStore().store)
    app.get('/slow-read', async (c) => {
      const session = c.get('session')
      if (early === 'renews') session.renewId()
      if (early === 'changes its lifetime') session.setPersistent(false)
      if (early !== 'renewed before') await session.commit()
      reached()
      await gateOpened
      return c.text('read')
    })
    let reached = () => {}
    const isReached = new Promise<void>((resolve) => {
      reached = resolve
    })
    const { opened: gateOpened, open } = wait('slow-read')
    const ann = new Browser(app)
    await ann.text('/start')
    const slow = ann.twin()
    if (early === 'renewed before') await ann.text('/renew')
    const reading = slow.fetch('/slow-read')
    await isReached
    // The login has the browser's cookie at that time, and the slow answer arrives after it.
    if (logsIn) await ann.text('/login')
    open()
    const answer = await reading
    expect(answer.status, early).toBe(200)
    // Without the login the slow answer has a cookie to send.
    expect(answer.headers.getSetCookie(), early).toHaveLength(logsIn ? 0 : 1)
    if (logsIn) expect(await ann.text('/user'), early).toBe('ann')
  }
})
