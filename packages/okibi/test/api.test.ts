// The TypeScript API is the one that docs/api.md lists: each name exists in one form, and no other
// name exists.
import type { Context, Env } from 'hono'
import * as okibi from 'okibi'
import {
  type Directory,
  directory,
  type ErrorCode,
  guard,
  Lifetime,
  type OkibiError,
  type Purging,
  purgeEvery,
  type Report,
  type Session,
  type SessionEvent,
  type SessionInfo,
  type SessionOptions,
  sessions,
} from 'okibi'
import { memoryStore } from 'okibi/memory'
import { expect, expectTypeOf, test } from 'vitest'
import { cached } from '../src/stores/cached.js'

const SECRET = 'a secret of thirty-two bytes: no more'

interface Data {
  user: string
  visits: number
}

test('the_root_exports_these_names_and_no_others', () => {
  expect(Object.keys(okibi).sort()).toEqual(
    ['Lifetime', 'OkibiError', 'StoreError', 'directory', 'guard', 'noActivity', 'purgeEvery', 'sessions'].sort(),
  )
})

test('every_option_is_accepted', () => {
  const store = memoryStore({ clock: Date.now })
  const all = {
    store,
    secret: [SECRET],
    as: 'admin',
    ...Lifetime.AAL3,
    touchAfter: 60,
    grace: 30,
    persistent: false,
    cookie: {
      name: '__Secure-admin',
      path: '/a',
      domain: 'example.org',
      sameSite: 'Strict',
      httpOnly: true,
      former: [{ path: '/' }],
    },
    namespace: 'admin',
    limits: { bytes: 1000, names: 10, depth: 4 },
    failedWhen: (status) => status >= 400,
    onError: (error, c) => {
      expectTypeOf(error).toEqualTypeOf<OkibiError>()
      return c.text(error.code, error.status)
    },
    onEvent: (event, c) => {
      expectTypeOf(event).toEqualTypeOf<SessionEvent>()
      expectTypeOf(c).toEqualTypeOf<Context>()
    },
    storeTimeout: 2,
    commitDeadline: 10,
    clock: Date.now,
    random: (bytes) => bytes.fill(7),
  } satisfies SessionOptions<Env, 'admin'>
  expect(() => sessions(all)).not.toThrow()
  expect(() => directory(all)).not.toThrow()
  expect(() => sessions({ secret: async (_c) => SECRET, chunks: 2, maxCookieBytes: 4096 })).not.toThrow()
  expect(() => sessions({ store, absolute: false, insecureForDevelopment: false, lazy: true })).not.toThrow()
})

test('every_old_option_is_refused_by_name', () => {
  const store = memoryStore()
  for (const option of ['sign', 'renewAfter', 'onStoreError', 'now', 'ring', 'staleness']) {
    expect(() => sessions({ store, [option]: 1 } as never)).toThrow(`sessions: ${option}: there is no such option`)
  }
})

test('the_session_the_directory_and_their_helpers_have_these_types', async () => {
  type S = Session<Data>
  expectTypeOf<S['get']>().toBeCallableWith('user')
  expectTypeOf<S['has']>().returns.toEqualTypeOf<boolean>()
  expectTypeOf<S['names']>().returns.toEqualTypeOf<string[]>()
  expectTypeOf<S['set']>().toBeCallableWith('visits', 1)
  expectTypeOf<S['flash']>().toBeCallableWith('user', 'ada')
  expectTypeOf<S['remove']>().toBeCallableWith('user')
  expectTypeOf<S['clear' | 'destroy' | 'renewId' | 'touch' | 'noActivity']>().toEqualTypeOf<() => void>()
  expectTypeOf<S['rotate']>().toBeCallableWith({ keepDeadline: true })
  expectTypeOf<S['take']>().returns.resolves.toEqualTypeOf<string | number | undefined>()
  expectTypeOf<S['setIdle']>().parameters.toEqualTypeOf<[number]>()
  expectTypeOf<S['setAbsolute']>().parameters.toEqualTypeOf<[number | false]>()
  expectTypeOf<S['setPersistent']>().parameters.toEqualTypeOf<[boolean]>()
  expectTypeOf<S['setOwner' | 'setLabel']>().parameters.toEqualTypeOf<[string | undefined]>()
  expectTypeOf<S['owner' | 'label' | 'handle']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<S['isLive' | 'isPersistent']>().toEqualTypeOf<boolean>()
  expectTypeOf<S['created' | 'lastActive' | 'expiresAt' | 'deadline' | 'touchDueAt']>().toEqualTypeOf<
    Date | undefined
  >()
  expectTypeOf<S['commit']>().returns.resolves.toEqualTypeOf<void>()
  expectTypeOf<S['list']>().returns.resolves.toEqualTypeOf<SessionInfo[]>()
  expectTypeOf<S['revoke']>().returns.resolves.toEqualTypeOf<boolean>()
  expectTypeOf<S['revokeOthers']>().returns.resolves.toEqualTypeOf<number>()
  expectTypeOf<S['report']>().returns.toEqualTypeOf<Report>()
  expectTypeOf<keyof Directory>().toEqualTypeOf<'list' | 'revoke' | 'revokeAll' | 'revokeAllExcept'>()
  expectTypeOf<'conflict' | 'headers_sent' | 'unsupported_by_store'>().toExtend<ErrorCode>()
  expectTypeOf<keyof Purging>().toEqualTypeOf<'stop'>()

  expect(guard('user', { redirect: '/login', as: 'admin' })).toBeTypeOf('function')
  const store = cached(memoryStore(), { maxStaleness: 5, maxBytes: 1000, clock: Date.now })
  expect(store.size).toBe(0)
  await purgeEvery({ purge: () => 0 }, 3600).stop()
})
