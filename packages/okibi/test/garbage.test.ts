// An undecodable record is no session and an event, never an error. Only a logout changes it.
import { type Context, Hono } from 'hono'
import { expect, test } from 'vitest'
import { type Session, type SessionEvent, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

const of = (c: Context) => c.get('session' as never) as Session<{ user: string }>
const encoder = new TextEncoder()

const GARBAGE: readonly (readonly [string, Uint8Array])[] = [
  ['no bytes', new Uint8Array()],
  ['bytes that are not UTF-8', Uint8Array.of(0, 0xff, 0xc3, 0x28, 0)],
  ['a string that is not JSON', encoder.encode('{"v":1,"w":"')],
  ['JSON that is not a record', encoder.encode('[{"user":"ann"}]')],
  ['a record of a future version', encoder.encode('{"v":2,"d":{}}')],
  ['a marker without an end', encoder.encode('{"v":1,"w":"AAAAAAAAAAA","r":"rotate"}')],
  [
    'a marker with an invalid successor',
    encoder.encode('{"v":1,"w":"AAAAAAAAAAA","r":"renew","until":9999999999999,"n":"x"}'),
  ],
  ['more bytes than a record may have', encoder.encode(`{"v":1,"d":{"a":"${'x'.repeat(5000)}"}}`)],
]

const ACTIONS = {
  read: (c: Context) => of(c).get('user') ?? 'anonymous',
  set: (c: Context) => {
    of(c).set('user', 'bob')
    return 'done'
  },
  rotate: (c: Context) => {
    of(c).rotate()
    of(c).set('user', 'bob')
    return 'done'
  },
  destroy: (c: Context) => {
    of(c).destroy()
    return 'done'
  },
  take: async (c: Context) => (await of(c).take('user')) ?? 'anonymous',
}
type Action = keyof typeof ACTIONS

/** Replaces the record of a visitor's session, before a request or while its handler runs. */
async function visit(garbage: Uint8Array, action: Action, when: 'before' | 'during') {
  const inner = memoryStore()
  const store = new Watched(inner)
  let key = ''
  store.interfere = (_call, calledKey) => {
    key ||= calledKey
    return undefined
  }
  const events: SessionEvent[] = []
  const app = new Hono().use(
    sessions({ store, limits: { bytes: 4096 }, onEvent: (event) => void events.push(event) }) as never,
  )
  app.get('/login', (c) => {
    of(c).set('user', 'ann')
    return c.text('in')
  })
  const damage = () => {
    const write = { bytes: garbage, expiresAt: Date.now() + 3_600_000, owner: undefined }
    expect(inner.swap(key, inner.load(key)?.bytes, write)).toEqual({ done: true })
  }
  app.get('/action', async (c) => {
    if (when === 'during') damage()
    return c.text(await ACTIONS[action](c))
  })
  app.get('/user', (c) => c.text(of(c).get('user') ?? 'anonymous'))
  const ann = new Browser(app)
  await ann.text('/login')
  const login = ann.header
  if (when === 'before') damage()
  const text = await ann.text('/action')
  const reported = events.splice(0)
  return { text, reported, login, cookie: ann.header, left: inner.load(key)?.bytes, user: await ann.text('/user') }
}

test.each(GARBAGE)('n28_an_undecodable_record_is_no_session_and_an_event: %s', async (_what, garbage) => {
  for (const action of ['read', 'take'] as const) {
    const { text, reported, login, cookie, left } = await visit(garbage, action, 'before')
    expect([text, reported, cookie, left], action).toEqual(['anonymous', ['undecodable_record'], login, garbage])
  }
  for (const action of ['set', 'rotate'] as const) {
    // A new session, and never under the id of the request.
    const { reported, login, cookie, left, user } = await visit(garbage, action, 'before')
    expect([reported, left, user], action).toEqual([['undecodable_record'], garbage, 'bob'])
    expect(cookie, action).not.toBe(login)
  }
  const { reported, cookie, left } = await visit(garbage, 'destroy', 'before')
  expect([reported, cookie]).toEqual([['undecodable_record'], ''])
  expect(JSON.parse(new TextDecoder().decode(left))).toMatchObject({ v: 1, r: 'rotate' })
})

test.each(GARBAGE)(
  'n28_a_record_that_becomes_undecodable_during_a_request_is_an_ended_session: %s',
  async (_what, garbage) => {
    const set = await visit(garbage, 'set', 'during')
    const reported = ['undecodable_record', 'changes_dropped']
    expect([set.reported, set.cookie, set.left, set.user]).toEqual([reported, set.login, garbage, 'anonymous'])
    const take = await visit(garbage, 'take', 'during')
    expect([take.text, take.reported, take.left]).toEqual(['anonymous', reported, garbage])
    const rotate = await visit(garbage, 'rotate', 'during')
    expect([rotate.reported, rotate.left, rotate.user]).toEqual([['undecodable_record'], garbage, 'bob'])
    const destroy = await visit(garbage, 'destroy', 'during')
    expect([destroy.reported, destroy.cookie]).toEqual([['undecodable_record'], ''])
    expect(JSON.parse(new TextDecoder().decode(destroy.left))).toMatchObject({ v: 1, r: 'rotate' })
  },
)
