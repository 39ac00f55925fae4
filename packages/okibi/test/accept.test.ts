// Options that `accept` cannot use fail when they are configured. An ignored secret would make
// unsigned cookies valid.
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

/** Calls `accept` as JavaScript can, without types. */
function make(options: unknown) {
  return sessions({ store: memoryStore(), accept: [accept(options as never)] } as SessionOptions)
}

const KV_HAS = 'this dialect has secrets and json'
const HONO_HAS = 'this dialect has keys'
const LIST = 'must be a list of strings that are not empty; leave it out only if the old cookies are not protected'
const PLAIN = 'must be given as a plain value'
const STORE = 'must have the methods load, swap and delete'
const DIALECT = 'must be hono-sessions or hono-kv-session'
const COOKIE = 'must be a plain object of options'

const REFUSED: [options: object, message: string][] = [
  [{ ...kv, secret: secrets[0] }, `accept.secret: unknown option; ${KV_HAS}`],
  [{ ...kv, keys }, `accept.keys: unknown option; ${KV_HAS}`],
  [{ ...kv, name: 'sid' }, 'accept.name: there is no such option; the name of a cookie is in accept.cookie'],
  ...['ttl', 'renew', 'sealed', 'consistency'].map((name): [object, string] => [
    { ...kv, [name]: 60 },
    `accept.${name}: unknown option; ${KV_HAS}`,
  ]),
  ...['encryptionKey', 'key', 'secrets', 'idle', 'autoExtend', 'sealed'].map((name): [object, string] => [
    { ...hono, [name]: keys[0] },
    `accept.${name}: unknown option; ${HONO_HAS}`,
  ]),
  ...[[], [''], [secrets[0], ''], [undefined], secrets[0], null].map((given): [object, string] => [
    { ...kv, secrets: given },
    `accept.secrets: ${LIST}`,
  ]),
  ...[[], [''], keys[0], null].map((given): [object, string] => [{ ...hono, keys: given }, `accept.keys: ${LIST}`]),
  [{ ...kv, secrets: () => secrets }, `accept.secrets of type function: ${PLAIN}`],
  [{ ...hono, keys: Symbol('key') }, `accept.keys of type symbol: ${PLAIN}`],
  [{ ...hono, keys: ['short'] }, 'accept.keys: number 1 has 5 bytes; must have at least 32'],
  [{ ...hono, store: undefined }, 'accept.keys: none given; a sealed cookie is encrypted with one'],
  ...[null, 0, '', Number.NaN, false, {}, () => store].flatMap((given): [object, string][] => {
    const shown = typeof given === 'string' ? 'a string' : given instanceof Object ? `type ${typeof given}` : `${given}`
    return [hono, kv].map((options) => [{ ...options, store: given }, `accept.store of ${shown}: ${STORE}`])
  }),
  [{ ...kv, store: undefined }, `accept.store of type undefined: ${STORE}`],
  [{ ...hono, dialect: 'hono' }, `accept.dialect of "hono": ${DIALECT}`],
  [{ ...hono, dialect: '__proto__' }, `accept.dialect of "__proto__": ${DIALECT}`],
  ...[undefined, null, new String('hono-sessions'), () => 'hono-sessions'].map((dialect): [object, string] => [
    { ...hono, dialect },
    `accept.dialect of "${dialect === null ? 'null' : `type ${typeof dialect}`}": ${DIALECT}`,
  ]),
  [{ ...kv, json: 5 }, 'accept.json of 5: must be true or false'],
  [{ ...kv, json: () => true }, `accept.json of type function: ${PLAIN}`],
  [{ ...hono, cookie: { name: () => 'sid' } }, `accept.cookie.name of type function: ${PLAIN}`],
  [{ ...hono, cookie: { path: 5 } }, 'accept.cookie.path of 5: must be a string'],
  [{ ...kv, cookie: { nmae: 'x' } }, 'accept.cookie.nmae: there is no such option'],
  [
    { ...kv, until: new Date(Number.NaN) },
    'accept.until of type object: must be a valid Date: the end of the time in which these sessions are accepted',
  ],
  [
    { ...kv, until: 1e12 },
    'accept.until of 1000000000000: must be a valid Date: the end of the time in which these sessions are accepted',
  ],
  ...[null, 5, true, new Date(), new Map(), () => ({})].flatMap((cookie): [object, string][] => {
    const shown = cookie instanceof Object ? `type ${typeof cookie}` : `${cookie}`
    return [hono, kv].map((options) => [{ ...options, cookie }, `accept.cookie of ${shown}: ${COOKIE}`])
  }),
]

test.each(REFUSED)('accept_refuses_an_option_that_it_would_ignore: %o', (options, message) => {
  const refusal = expect.objectContaining({ code: 'config', message: `sessions: ${message}` })
  expect(() => accept(options as never)).toThrow(refusal)
})

test('an_undefined_option_is_an_absent_one', () => {
  for (const options of [
    { ...kv, secrets: undefined, json: undefined, cookie: undefined },
    { ...hono, keys: undefined, cookie: undefined },
    { ...hono, keys, store: undefined },
  ]) {
    expect(() => make(options)).not.toThrow()
  }
})

test('inherited_options_count', () => {
  class Old {
    readonly dialect = 'hono-kv-session'
    readonly store = store
    readonly until = until
    get secrets() {
      return []
    }
  }
  expect(() => make(new Old())).toThrow(`accept.secrets: ${LIST}`)
})
