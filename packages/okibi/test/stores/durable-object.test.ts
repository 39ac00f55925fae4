// The Durable Object store beyond the contract: what is left in its objects, breakdowns, restarts, and what it refuses.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { durableObjectStore, type ObjectNamespace, SessionObject } from '../../src/stores/durable-object.js'
import { program } from './reported.js'

interface Workerd {
  dispatchFetch(url: string, init?: { method: string; body: string }): Promise<{ json(): Promise<unknown> }>
  dispose(): Promise<void>
}

const { startWorkerd } = (await import(program('start-workerd.mjs'))) as {
  startWorkerd(folder: string): Promise<Workerd>
}
const folder = mkdtempSync(join(tmpdir(), 'okibi-objects-'))
let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd(folder)
})
afterAll(async () => {
  await workerd.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Has the Worker call its store. */
async function call(name: string, values: object): Promise<unknown> {
  const body = JSON.stringify({ name, ...values })
  return (await workerd.dispatchFetch('http://localhost/call', { method: 'POST', body })).json()
}

const swap = (key: string, expected: string | undefined, bytes: string, lives: number, owner?: string) =>
  call('swap', { key, expected, write: { bytes, expiresAt: Date.now() + lives, owner } })

/** What an object keeps. */
async function kept(object: string): Promise<unknown> {
  return (await workerd.dispatchFetch(`http://localhost/look/${encodeURIComponent(object)}`)).json()
}

const NOTHING = { names: [], alarm: null }
const HOUR = 3_600_000

test('a_delete_leaves_nothing_in_the_object', async () => {
  await swap('deleted', undefined, 'x', HOUR)
  expect(await kept('session/deleted')).toEqual({ names: ['session'], alarm: expect.any(Number) })
  await call('delete', { key: 'deleted' })
  expect(await kept('session/deleted')).toEqual(NOTHING)
})

test('n13_what_expires_leaves_nothing_in_the_object_nor_in_the_list', async () => {
  await swap('long', undefined, 'x', HOUR, 'ann')
  const expires = Date.now() + 2000
  await swap('short', undefined, 'x', 2000, 'ann')
  const { names } = (await kept('owner/ann')) as { names: string[] }
  // It may have taken too long to be asked.
  if (Date.now() < expires) expect(names).toEqual(['entry long', 'entry short'])
  await vi.waitFor(async () => expect(await kept('session/short')).toEqual(NOTHING), 60_000)
  await vi.waitFor(async () => expect(await kept('owner/ann')).toMatchObject({ names: ['entry long'] }), 60_000)
  expect(await call('list', { owner: 'ann' })).toEqual({ keys: ['long'] })
})

test('a_session_that_was_renewed_outlives_the_alarm_of_its_first_expiry', async () => {
  const lives = 4000
  await swap('renewed', undefined, '1', lives)
  expect(await swap('renewed', '1', '2', HOUR)).toEqual({ swap: { done: true } })
  await new Promise((resolve) => setTimeout(resolve, lives + 1000))
  const { alarm } = (await kept('session/renewed')) as { alarm: number }
  expect(alarm).toBeGreaterThan(Date.now() + HOUR / 2)
  expect(await call('load', { key: 'renewed' })).toMatchObject({ found: { bytes: '2' } })
})

test('f_an_object_that_breaks_down_is_unknown_and_the_next_call_finds_it_whole', async () => {
  await swap('broken', undefined, '1', HOUR)
  const { error } = (await swap('broken', '1', '2', HOUR, 'breaks-down')) as { error: { kind: string } }
  expect(error).toMatchObject({ name: 'StoreError', kind: 'unknown', cause: expect.stringContaining('broken down') })
  expect(await call('load', { key: 'broken' })).toMatchObject({ found: { bytes: '1' } })
  expect(await swap('broken', '1', '2', HOUR)).toEqual({ swap: { done: true } })
})

test('f_what_was_acknowledged_survives_a_restart', async () => {
  await swap('kept', undefined, 'value', HOUR, 'ben')
  await workerd.dispose()
  workerd = await startWorkerd(folder)
  expect(await call('load', { key: 'kept' })).toMatchObject({ found: { bytes: 'value' } })
  expect(await swap('kept', 'other', 'x', HOUR)).toEqual({ swap: { done: false, current: 'value' } })
  expect(await call('list', { owner: 'ben' })).toEqual({ keys: ['kept'] })
})

test('a_failure_says_whether_something_was_written', async () => {
  const namespace = (fetch: ReturnType<ObjectNamespace['get']>['fetch']): ObjectNamespace => ({
    idFromName: (name) => ({ name }),
    get: () => ({ fetch }),
  })
  const write = { bytes: new Uint8Array(1), expiresAt: Date.now() + HOUR }
  const overloaded = Object.assign(new Error('Durable Object is overloaded'), { overloaded: true })
  const lost = Object.assign(new Error('Network connection lost'), { retryable: true })
  const kinds = [
    [() => Promise.reject(overloaded), 'unavailable', 'unavailable'],
    [() => Promise.reject(lost), 'unknown', 'unavailable'],
    // Somebody else's object was bound.
    [async () => new Response('Not Found', { status: 404 }), 'unknown', 'unavailable'],
  ] as const
  for (const [fetch, kind, before] of kinds) {
    const store = durableObjectStore(namespace(fetch))
    await expect(store.swap('k', undefined, write)).rejects.toMatchObject({ name: 'StoreError', kind })
    await expect(store.swap('k', undefined, { ...write, owner: 'ann' })).rejects.toMatchObject({ kind: before })
    await expect(store.load('k')).rejects.toMatchObject({ name: 'StoreError' })
  }
})

test('the_object_refuses_what_no_store_asks', async () => {
  const object = new SessionObject({ storage: {} as never })
  expect((await object.fetch(new Request('http://localhost/session', { method: 'PATCH' }))).status).toBe(405)
})

test('a_missing_binding_is_an_error_that_names_the_fix', () => {
  expect(() => durableObjectStore(undefined as never)).toThrow(/no namespace given; .*wrangler\.jsonc/)
})
