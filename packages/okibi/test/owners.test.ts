// The sessions of one owner: lists and revocations.
import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { type DirectoryOptions, directory, type SessionEnv, StoreError, sessions } from '../src/index.js'
import { native } from '../src/native.js'
import type { Store } from '../src/store.js'
import type { Json } from '../src/types.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { shippedStores, shuffled, Watched } from './support/stores.js'

type Data = { n: number }
const clock = new Clock()

function make(store: Store) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store, clock: clock.now }))
  app.get('/login/:who', (c) => {
    c.get('session').set('n', 1)
    c.get('session').setOwner(c.req.param('who'))
    c.get('session').setLabel(c.req.query('label'))
    return c.text('in')
  })
  app.get('/who', (c) => c.text(c.get('session').owner ?? 'anonymous'))
  app.get('/owned', async (c) => c.json(await c.get('session').list()))
  app.get('/end/:handle', async (c) => c.text(String(await c.get('session').revoke(c.req.param('handle')))))
  app.get('/end-others', async (c) => c.text(String(await c.get('session').revokeOthers())))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/rotate', (c) => {
    c.get('session').rotate()
    return c.text('rotated')
  })
  app.get('/out-everywhere', async (c) => {
    c.get('session').destroy()
    return c.text(String(await c.get('session').revokeOthers()))
  })
  app.get('/login-everywhere-else-out/:who', async (c) => {
    c.get('session').setOwner(c.req.param('who'))
    return c.text(String(await c.get('session').revokeOthers()))
  })
  const login = async (who: string, label = 'x') => {
    const browser = new Browser(app)
    await browser.text(`/login/${who}?label=${label}`)
    return browser
  }
  return { app, login }
}

interface Shown {
  handle: string
  label: string
  current: boolean
  created: string
}

describe.each(Object.entries(shippedStores(clock.now)))('%s', (_name, open) => {
  test('n25_an_owners_sessions_can_be_listed_and_revoked', async () => {
    const store = shuffled(open())
    const { login } = make(store)
    const phone = await login('ann', 'phone')
    clock.pass(1)
    const laptop = await login('ann', 'laptop')
    const other = await login('ben', 'tablet')
    const list = JSON.parse(await laptop.text('/owned')) as Shown[]
    expect(list.map(({ label, current }) => [label, current])).toEqual([
      ['laptop', true],
      ['phone', false],
    ])
    expect(Object.keys(list[0] ?? {})).toEqual(['handle', 'created', 'lastActive', 'expiresAt', 'label', 'current'])
    const handle = list[1]?.handle ?? ''
    // A session of another owner cannot be revoked.
    expect(await other.text(`/end/${handle}`)).toBe('false')
    expect(await phone.text('/who')).toBe('ann')
    expect(await laptop.text(`/end/${handle}`)).toBe('true')
    expect([await phone.text('/who'), await laptop.text('/who')]).toEqual(['anonymous', 'ann'])
    // The visitor's own session is destroyed, with its cookie.
    expect(await laptop.text(`/end/${list[0]?.handle}`)).toBe('true')
    expect(laptop.cookies.size).toBe(0)
    expect(await other.text('/who')).toBe('ben')
  })

  test('n25_revoke_others_revokes_all_other_sessions_even_during_their_requests', async () => {
    const store = shuffled(open(), 5)
    const { login } = make(store)
    const mine = await login('ann')
    const others = await Promise.all(Array.from({ length: 10 }, () => login('ann')))
    const ben = await login('ben')
    const busy = others.flatMap((other) => [
      other.fetch('/add'),
      other.twin().fetch('/rotate'),
      other.twin().fetch('/add'),
    ])
    expect(Number(await mine.text('/end-others'))).toBeGreaterThanOrEqual(10)
    await Promise.all(busy)
    await mine.text('/end-others')
    for (const other of others) expect(await other.text('/who')).toBe('anonymous')
    expect([await mine.text('/who'), await ben.text('/who')]).toEqual(['ann', 'ben'])
    expect(JSON.parse(await mine.text('/owned'))).toHaveLength(1)
  })

  test('n25_revoke_others_works_after_a_destroy_in_the_same_request', async () => {
    const { login } = make(open())
    const [mine, other, ben] = [await login('ann'), await login('ann'), await login('ben')]
    expect(await mine.text('/out-everywhere')).toBe('1')
    expect([await mine.text('/who'), await other.text('/who'), await ben.text('/who')]).toEqual([
      'anonymous',
      'anonymous',
      'ben',
    ])
  })

  test('n25_a_directory_works_outside_a_request', async () => {
    const store = open()
    const { login } = make(store)
    const [one, two, three] = await Promise.all([login('ann'), login('ann'), login('ann')])
    const admin = directory({ store, clock: clock.now })
    const list = await admin.list('ann')
    expect(list.map(({ current }) => current)).toEqual([false, false, false])
    expect(list[0]?.created).toBeInstanceOf(Date)
    expect(await admin.list('anonymous')).toEqual([])
    expect(await admin.revoke('ben', list[0]?.handle ?? '')).toBe(false)
    expect(await admin.revoke('ann', list[0]?.handle ?? '')).toBe(true)
    expect(await admin.revokeAllExcept('ann', list[1]?.handle ?? '')).toBe(1)
    expect((await admin.list('ann')).map(({ handle }) => handle)).toEqual([list[1]?.handle])
    expect(await admin.revokeAll('ann')).toBe(1)
    expect(await admin.revokeAll('ann')).toBe(0)
    for (const browser of [one, two, three]) expect(await browser?.text('/who')).toBe('anonymous')
  })
})

describe.each(Object.entries(shippedStores(clock.now)))('%s, with two kinds of session', (_name, open) => {
  test('n44_owners_of_different_namespaces_are_separate', async () => {
    const store = open()
    const seenOwners: string[] = []
    const recording: Store = {
      consistency: store.consistency,
      load: (key) => store.load(key),
      swap: (key, expected, write) => {
        if (write.owner !== undefined) seenOwners.push(write.owner)
        return store.swap(key, expected, write)
      },
      delete: (key) => store.delete(key),
      owners: {
        list: (owner) => {
          seenOwners.push(owner)
          return store.owners?.list(owner) ?? []
        },
      },
    }
    const of = (kind: string) => {
      const options = { store: recording, clock: clock.now, cookie: { name: `__Host-${kind}` } }
      const app = new Hono<SessionEnv<Data>>()
      app.use(sessions(options))
      app.get('/login', (c) => {
        c.get('session').setOwner('17')
        return c.text('in')
      })
      app.get('/who', (c) => c.text(c.get('session').owner ?? 'anonymous'))
      app.get('/owned', async (c) => c.json(await c.get('session').list()))
      app.get('/end/:handle', async (c) => c.text(String(await c.get('session').revoke(c.req.param('handle')))))
      app.get('/end-others', async (c) => c.text(String(await c.get('session').revokeOthers())))
      return { browsers: [new Browser(app), new Browser(app)] as const, directory: directory(options) }
    }
    const customers = of('session')
    const admins = of('admin')
    const [customer, second] = customers.browsers
    const [admin] = admins.browsers
    for (const browser of [customer, second, admin]) await browser.text('/login')
    const lists = [await customers.directory.list('17'), await admins.directory.list('17')]
    expect(lists.map((list) => list.length)).toEqual([2, 1])
    const handle = lists[1]?.[0]?.handle ?? ''
    expect(JSON.parse(await customer.text('/owned'))).toHaveLength(2)
    expect(await customer.text(`/end/${handle}`)).toBe('false')
    expect(await customers.directory.revoke('17', handle)).toBe(false)
    expect(await customer.text('/end-others')).toBe('1')
    expect(await customers.directory.revokeAll('17')).toBe(1)
    expect([await customer.text('/who'), await second.text('/who'), await admin.text('/who')]).toEqual([
      'anonymous',
      'anonymous',
      '17',
    ])
    await customer.text('/login')
    expect(await admins.directory.revokeAllExcept('17', 'none')).toBe(1)
    expect([await customer.text('/who'), await admin.text('/who')]).toEqual(['17', 'anonymous'])
    // An app cannot list an owner of another namespace.
    expect(await admins.directory.list('session:17')).toEqual([])
    expect(new Set(seenOwners)).toEqual(new Set(['session:17', 'admin:17', 'admin:session:17']))
  })
})

test('n25_a_directory_revokes_sessions_of_any_size', async () => {
  const store = new Watched()
  const options = { store, clock: clock.now, limits: { bytes: 1024 * 1024, depth: 50 } }
  const app = new Hono<SessionEnv<{ text: string; deep: Json }>>()
  app.use(sessions(options))
  app.get('/login', (c) => {
    c.get('session').set('text', 'x'.repeat(100_000))
    c.get('session').set('deep', JSON.parse('['.repeat(45) + ']'.repeat(45)))
    c.get('session').setOwner('ann')
    return c.text('in')
  })
  app.get('/who', (c) => c.text(c.get('session').owner ?? 'anonymous'))
  for (const admin of [directory(options), directory({ store, clock: clock.now })]) {
    const ann = new Browser(app)
    await ann.text('/login')
    expect(await admin.list('ann')).toHaveLength(1)
    expect(await admin.revokeAll('ann')).toBe(1)
    expect(await ann.text('/who')).toBe('anonymous')
  }
})

test('a_directory_names_the_options_that_it_refuses', () => {
  const refusal = (options: object): string => {
    try {
      directory(options as DirectoryOptions)
    } catch (error) {
      expect(error).toMatchObject({ code: 'config' })
      return (error as Error).message
    }
    return 'none'
  }
  expect(refusal({})).toContain('store')
  expect(refusal({ store: () => new Watched() })).toContain('the store itself')
  expect(refusal({ store: new Watched(), colour: 'red' })).toContain('colour')
  expect(refusal({ secret: 'a secret of at least thirty-two bytes' })).toContain('store')
  expect(refusal({ store: new Watched(), as: 'admin', cookie: { name: 'admin' }, secret: () => '', idle: 60 })).toBe(
    'none',
  )
})

test('n25_a_session_that_rotates_meanwhile_is_still_revoked', async () => {
  // The fault rig found this: the list had the old id, and its record was already a marker.
  const inner = new Watched()
  let meanwhile: (() => Promise<unknown>) | undefined
  const store: Store = {
    consistency: 'strong',
    load: (key) => inner.load(key),
    swap: (key, expected, write) => inner.swap(key, expected, write),
    delete: (key) => inner.delete(key),
    owners: {
      list: async (owner) => {
        const listed = (await inner.owners?.list(owner)) ?? []
        const now = meanwhile
        meanwhile = undefined
        await now?.()
        return listed
      },
    },
  }
  const { login } = make(store)
  const ann = await login('ann')
  const admin = directory({ store, clock: clock.now })
  meanwhile = () => ann.text('/rotate')
  expect(await admin.list('ann')).toHaveLength(1)
  meanwhile = () => ann.text('/rotate')
  expect(await admin.revokeAll('ann')).toBe(1)
  expect(await ann.text('/who')).toBe('anonymous')
})

test('m7_a_list_that_keeps_changing_is_read_eight_times_however_slow_the_reads_are', async () => {
  const inner = new Watched()
  let left = 0
  const store: Store = {
    consistency: 'strong',
    load: (key) => inner.load(key),
    swap: (key, expected, write) => inner.swap(key, expected, write),
    delete: (key) => inner.delete(key),
    owners: {
      // Another key without a session in each list.
      list: async (owner) => {
        const listed = (await inner.owners?.list(owner)) ?? []
        // On Workers the clock advances only with a timer.
        for (const begun = performance.now(); performance.now() === begun; ) {
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        left -= 1
        return left < 0 ? listed : [...listed, `session:nowhere ${left}`]
      },
    },
  }
  await make(store).login('ann')
  // The deadline passes before the list is read again.
  const admin = directory({ store, commitDeadline: Number.MIN_VALUE, clock: clock.now })
  left = 7
  expect(await admin.list('ann')).toHaveLength(1)
  left = 8
  await expect(admin.list('ann')).rejects.toMatchObject({ code: 'conflict' })
})

test('n25_a_login_can_revoke_all_other_sessions', async () => {
  const { app, login } = make(new Watched())
  const others = [await login('ann'), await login('ann')]
  const fresh = new Browser(app)
  expect(await fresh.text('/login-everywhere-else-out/ann')).toBe('2')
  expect(await fresh.text('/who')).toBe('ann')
  for (const other of others) expect(await other.text('/who')).toBe('anonymous')
})

test('a_change_of_owner_rotates', async () => {
  const { app, login } = make(new Watched())
  const ann = await login('ann')
  const before = ann.header
  await ann.text('/login/ann')
  expect(ann.header).toBe(before)
  const old = ann.twin()
  await ann.text('/login/ben')
  expect(ann.header).not.toBe(before)
  expect([await old.text('/who'), await ann.text('/who')]).toEqual(['anonymous', 'ben'])
  const anonymous = new Browser(app)
  expect(await anonymous.text('/owned')).toBe('[]')
  expect(await anonymous.text('/end-others')).toBe('0')
})

test('a_store_without_an_index_of_owners_is_an_error', async () => {
  const store = new Watched()
  const bare: Store = {
    consistency: 'strong',
    load: (key) => store.load(key),
    swap: (key, expected, write) => store.swap(key, expected, write),
    delete: (key) => store.delete(key),
  }
  const { app, login } = make(bare)
  app.onError((error, c) => c.text((error as { code?: string }).code ?? 'other', 500))
  const ann = await login('ann')
  expect(await (await ann.fetch('/owned')).text()).toBe('unsupported_by_store')
  await expect(directory({ store: bare }).revokeAll('ann')).rejects.toMatchObject({ code: 'unsupported_by_store' })
})

test('n25_a_thousand_sessions_are_listed_and_revoked_sixteen_at_a_time', async () => {
  const store = new Watched()
  const { login } = make(store)
  for (let count = 0; count < 1000; count += 1) await login('ann', 'one of many')
  const last = await login('ann', 'the last')
  let now = 0
  let most = 0
  let waves = 0
  let pause: Promise<void> | undefined
  store.interfere = async (_call, _key, through) => {
    now += 1
    most = Math.max(most, now)
    // Concurrent calls are answered together.
    pause ??= new Promise((resolve) => {
      setImmediate(() => {
        pause = undefined
        waves += 1
        resolve()
      })
    })
    await pause
    now -= 1
    return through()
  }
  const admin = directory({ store, clock: clock.now })
  expect(await admin.list('ann')).toHaveLength(1001)
  expect(most).toBe(16)
  expect(waves).toBeLessThan(80)
  waves = 0
  expect(await admin.revokeAll('ann')).toBe(1001)
  expect(most).toBe(16)
  expect(waves).toBeLessThan(400)
  expect(await last.text('/who')).toBe('anonymous')
})

test('a_failing_store_fails_the_list', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const store = new Watched()
  const { login } = make(store)
  const ann = await login('ann')
  let loads = 0
  store.interfere = (call) => {
    loads += call === 'load' ? 1 : 0
    return loads > 1 ? Promise.reject(new Error('down')) : undefined
  }
  expect((await ann.fetch('/owned')).status).toBe(503)
})

test('n25_a_failed_revoke_all_after_a_write_is_store_unknown', async () => {
  const store = new Watched()
  const app = new Hono<SessionEnv>()
  app.use(sessions({ store }))
  app.get('/:owner', (c) => {
    c.get('session').setOwner(c.req.param('owner'))
    return c.body(null)
  })
  for (const owner of ['ann', 'ann', 'ben']) await app.request(`/${owner}`)
  const admin = directory({ store })
  store.interfere = (call) => (call === 'swap' ? Promise.reject(new StoreError('unavailable', 'read only')) : undefined)
  await expect(admin.revokeAll('ann')).rejects.toMatchObject({ code: 'store_unknown' })
  await expect(admin.revokeAll('ben')).rejects.toMatchObject({ code: 'store_unavailable' })
  store.interfere = undefined
  expect(await admin.revokeAll('ann')).toBe(2)
})

test('n25_a_key_that_is_listed_twice_is_one_session', async () => {
  const inner = new Watched()
  const { owners } = inner
  const twice = async (owner: string) => {
    const keys = (await owners?.list(owner)) ?? []
    return [...keys, ...keys]
  }
  const store = { ...plain(inner), owners: { list: twice } }
  const { login } = make(store)
  await login('ann')
  await login('ann')
  const admin = directory({ store })
  expect(await admin.list('ann')).toHaveLength(2)
  expect(await admin.revokeAll('ann')).toBe(2)
})

test('an_owner_or_a_handle_that_cannot_be_one_is_refused_and_the_engine_still_works', async () => {
  const store = new Watched()
  const { login } = make(store)
  await login('17')
  const admin = directory({ store })
  const running = native.running
  const others = ['', 'a'.repeat(257), 'é'.repeat(129)]
  for (const owner of [
    ...[17, undefined, null, ['17'], { id: 17 }, new String('17'), 17n, Symbol('17'), '\ud800'],
    ...others,
  ]) {
    for (const call of [
      () => admin.list(owner as never),
      () => admin.revoke(owner as never, 'x'),
      () => admin.revokeAll(owner as never),
      () => admin.revokeAllExcept(owner as never, 'x'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'invalid_owner' })
  }
  expect(native.running).toBe(running)
  expect(await admin.list('é'.repeat(128))).toEqual([])
  for (const handle of [17, undefined, null, {}]) expect(await admin.revoke('17', handle as never)).toBe(false)
  for (const handle of [17, undefined, null, {}, '']) {
    await expect(admin.revokeAllExcept('17', handle as never)).rejects.toMatchObject({ code: 'invalid_value' })
  }
  expect(await admin.list('17')).toHaveLength(1)
})

/** The methods of a store, on a new object. */
function plain(store: Store): Store {
  return {
    consistency: store.consistency,
    load: (key) => store.load(key),
    swap: (key, expected, write) => store.swap(key, expected, write),
    delete: (key) => store.delete(key),
  }
}
