// No id, no secret and no value appears in a log, an error or an inspected object.
import { inspect } from 'node:util'
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { directory, guard, type SessionEnv, type SessionOptions, StoreError, sessions } from '../src/index.js'
import { Browser } from './support/browser.js'
import { openStore, type Watched } from './support/stores.js'

type Data = { user: string; list: string[]; n: number }

const SECRET = 'canary-secret-canary-secret-canary!!'
const VALUE = 'canary-value'

const KINDS: Record<string, (store: Watched) => SessionOptions> = {
  stored: (store) => ({ store }),
  signed: (store) => ({ store, secret: SECRET }),
  sealed: () => ({ secret: [SECRET] }),
}

for (const [name, kind] of Object.entries(KINDS)) {
  test(`s7_no_id_secret_or_value_is_logged_or_shown (${name})`, async () => {
    const recorded: string[] = []
    const record = (...given: unknown[]) =>
      void recorded.push(given.map((one) => inspect(one, { depth: 20, showHidden: true })).join(' '))
    for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
      vi.spyOn(console, method).mockImplementation(record)
    }
    const { store } = openStore()
    const middleware = sessions<Data>({
      ...kind(store),
      limits: { bytes: 3000 },
      onEvent: (event, c) => record('event', event, c.req.path),
    } as SessionOptions)
    record(middleware, middleware.toString())
    const app = new Hono<SessionEnv<Data>>()
    app.use(middleware)
    app.onError((error, c) => {
      record(error, String(error), error.stack, JSON.stringify(error))
      return c.text('error', 500)
    })
    app.get('/fill', (c) => {
      const session = c.get('session')
      session.set('user', VALUE)
      session.set('list', [VALUE])
      session.flash('n', 1)
      session.setLabel(VALUE)
      session.setOwner(VALUE)
      record(session, String(session), JSON.stringify(session), c.var)
      return c.text('filled')
    })
    app.get('/look', async (c) => {
      const session = c.get('session')
      session.get('list')?.push(VALUE)
      record(session, session.report(), store.owners?.list.name)
      await session.commit()
      return c.text('looked')
    })
    app.get('/wrong/:how', async (c) => {
      const session = c.get('session')
      const loop: unknown[] = [VALUE]
      loop.push(loop)
      const calls: Record<string, () => unknown> = {
        loop: () => session.set('list', loop as string[]),
        bigint: () => session.set('user', { [VALUE]: 1n } as unknown as string),
        promise: () => session.set('user', Promise.resolve(VALUE) as unknown as string),
        owner: () => session.setOwner({ VALUE } as unknown as string),
        large: () => session.set('user', VALUE.repeat(1000)),
        update: () => session.update('n', () => Number.NaN),
        take: () => session.take('user'),
        owned: () => session.list(),
        rotate: () => session.rotate(),
        destroy: () => session.destroy(),
      }
      await calls[c.req.param('how')]?.()
      return c.text('went well')
    })
    app.get('/guarded', guard('user'), (c) => c.text('passed'))
    const ann = new Browser(app)
    await ann.text('/fill')
    const ids = new Set([...ann.cookies.values()])
    const faults = [
      undefined,
      new StoreError('unavailable', 'down'),
      new Error('reset'),
      new StoreError('unknown', 'lost'),
    ]
    for (const fault of faults) {
      store.interfere = fault && ((call) => (call === 'swap' ? Promise.reject(fault) : undefined))
      for (const path of [
        'look',
        ...['loop', 'bigint', 'promise', 'owner', 'large', 'update', 'take', 'owned', 'rotate'].map(
          (how) => `wrong/${how}`,
        ),
      ]) {
        await ann.twin().fetch(`/${path}`)
        await ann.fetch('/look')
        for (const value of ann.cookies.values()) ids.add(value)
      }
    }
    store.interfere = undefined
    for (const value of [...ids]) {
      for (const forged of [
        value,
        `${value}x`,
        value.slice(1),
        value.toLowerCase(),
        `${value}; __Host-session=${'A'.repeat(43)}`,
      ]) {
        await app.request('/look', { headers: { cookie: `__Host-session=${forged}` } })
      }
    }
    if (name !== 'sealed') {
      record(directory({ store }))
      store.interfere = () => Promise.reject(new Error('down'))
      await directory({ store })
        .revokeAll(VALUE)
        .catch((error: unknown) => record(error))
      await ann.fetch('/guarded')
    }
    vi.restoreAllMocks()

    expect(recorded.length).toBeGreaterThan(10)
    const all = recorded.join('\n')
    expect(all).not.toMatch(/canary-(value|secret)/)
    for (const value of ids) {
      expect(all).not.toContain(value)
      expect(all).not.toContain(value.split('.')[0])
    }
  })
}
