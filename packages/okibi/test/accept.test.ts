// What `accept` cannot work with fails where it is configured: a misspelled secret would open sessions by unsigned cookies.
import { expect, test } from 'vitest'
import { accept } from '../src/accept.js'
import { type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'

const store = memoryStore()
const until = new Date('2027-01-31')
const secrets = ['Strong_Secret_123']
const keys = ['a key of at least thirty-two bytes, for Iron']
const kv = { dialect: 'hono-kv-session', store, until }
const hono = { dialect: 'hono-sessions', store, until }

/** Made the way an app in JavaScript makes it. */
function make(options: unknown) {
  return sessions({ store: memoryStore(), accept: [accept(options as never)] } as SessionOptions)
}

const KV_HAS = 'the dialect hono-kv-session has dialect, store, until, cookie, secrets, json'
const HONO_HAS = 'the dialect hono-sessions has dialect, store, until, cookie, keys'
const LIST = 'must be a list of texts that are not empty; leave it out only if the cookies of the old sessions are'
const STORE = 'accept.store: must have the methods load, swap and delete'

const REFUSED: [options: object, message: string][] = [
  [{ ...kv, secret: secrets[0] }, `accept.secret: there is no such option; ${KV_HAS}`],
  [{ ...kv, keys }, `accept.keys: there is no such option; ${KV_HAS}`],
  [{ ...hono, encryptionKey: keys[0] }, `accept.encryptionKey: there is no such option; ${HONO_HAS}`],
  [{ ...hono, key: keys[0] }, `accept.key: there is no such option; ${HONO_HAS}`],
  [{ ...hono, secrets }, `accept.secrets: there is no such option; ${HONO_HAS}`],
  ...[[], [''], [secrets[0], ''], [undefined], () => secrets, secrets[0], null, Symbol('secret')].map(
    (given): [object, string] => [{ ...kv, secrets: given }, `accept.secrets: ${LIST} not signed`],
  ),
  ...[[], [''], () => keys, keys[0], null].map((given): [object, string] => [
    { ...hono, keys: given },
    `accept.keys: ${LIST} not encrypted`,
  ]),
  ...[null, 0, '', Number.NaN, false, {}, () => store].flatMap((given): [object, string][] => [
    [{ ...hono, keys, store: given }, STORE],
    [{ ...kv, store: given }, STORE],
  ]),
  [{ ...kv, store: undefined }, STORE],
  ...['hono', undefined, null, new String('hono-sessions'), () => 'hono-sessions', '__proto__'].map(
    (dialect): [object, string] => [{ ...hono, dialect }, 'accept.dialect: must be hono-sessions or hono-kv-session'],
  ),
  [{ ...kv, json: () => true }, 'accept.json of type function: must be given as a plain value'],
  [{ ...hono, cookie: { name: () => 'sid' } }, 'accept.cookie.name of type function: must be given as a plain value'],
  ...[null, 5, true, new Date(), new Map(), () => ({})].flatMap((cookie): [object, string][] => [
    [{ ...hono, cookie }, 'accept.cookie: must be a plain object of options'],
    [{ ...kv, cookie }, 'accept.cookie: must be a plain object of options'],
  ]),
]

test.each(REFUSED)('accept_refuses_what_would_be_ignored: %o', (options, message) => {
  expect(() => make(options)).toThrow(expect.objectContaining({ code: 'config', message: `sessions: ${message}` }))
})

test('what_is_undefined_is_not_given', () => {
  for (const options of [
    { ...kv, secrets: undefined, json: undefined, cookie: undefined },
    { ...hono, keys: undefined, cookie: undefined },
    { ...hono, keys, store: undefined },
  ]) {
    expect(() => make(options)).not.toThrow()
  }
})

test('options_that_are_inherited_count_like_others', () => {
  class Old {
    readonly dialect = 'hono-kv-session'
    readonly store = store
    readonly until = until
    get secrets() {
      return []
    }
  }
  expect(() => make(new Old())).toThrow(`accept.secrets: ${LIST} not signed`)
})
