// The Durable Object store beyond the contract: the content of its objects, failures, restarts,
// refusals.
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

/** Makes the Worker call its store. */
async function call(name: string, values: object): Promise<unknown> {
  const body = JSON.stringify({ name, ...values })
  return (await workerd.dispatchFetch('http://localhost/call', { method: 'POST', body })).json()
}

const swap = (key: string, expected: string | undefined, bytes: string, lives: number, owner?: string) =>
  call('swap', { key, expected, write: { bytes, expiresAt: Date.now() + lives, owner } })

/** The content of an object. */
async function kept(object: string): Promise<unknown> {
  return (await workerd.dispatchFetch(`http://localhost/look/${encodeURIComponent(object)}`)).json()
}

const NOTHING = { names: [], alarm: null }
const HOUR = 3_600_000

test('a_delete_leaves_the_object_empty', async () => {
  await swap('deleted', undefined, 'x', HOUR)
  expect(await kept('session/deleted')).toEqual({ names: ['session'], alarm: expect.any(Number) })
  await call('delete', { key: 'deleted' })
  expect(await kept('session/deleted')).toEqual(NOTHING)
})

test('n13_an_expired_session_leaves_nothing_in_its_object_or_in_the_list', async () => {
  await swap('long', undefined, 'x', HOUR, 'ann')
  const expires = Date.now() + 2000
  await swap('short', undefined, 'x', 2000, 'ann')
  const { names } = (await kept('owner/ann')) as { names: string[] }
  // On a slow machine it may have expired already.
  if (Date.now() < expires) expect(names).toEqual(['entry long', 'entry short'])
  await vi.waitFor(async () => expect(await kept('session/short')).toEqual(NOTHING), 60_000)
  await vi.waitFor(async () => expect(await kept('owner/ann')).toMatchObject({ names: ['entry long'] }), 60_000)
  expect(await call('list', { owner: 'ann' })).toEqual({ keys: ['long'] })
})

test('m7_a_list_entry_is_removed_with_its_session', async () => {
  await swap('ends', undefined, '1', HOUR, 'eve')
  await swap('ends', '1', '2', HOUR, 'eve')
  await swap('moves', undefined, '1', HOUR, 'eve')
  await swap('goes', undefined, '1', HOUR, 'eve')
  await swap('stays', undefined, '1', HOUR, 'eve')
  await swap('ends', '2', 'marker', HOUR)
  await swap('moves', '1', '2', HOUR, 'fay')
  await call('delete', { key: 'goes' })
  expect(await kept('owner/eve')).toMatchObject({ names: ['entry stays'] })
  expect(await kept('owner/fay')).toMatchObject({ names: ['entry moves'] })
  expect(await call('list', { owner: 'eve' })).toEqual({ keys: ['stays'] })
})

test('m7_a_list_entry_that_another_write_has_renewed_stays', async () => {
  // A refused write has renewed the entry, as a write that is still under way does.
  await swap('raced', undefined, '1', HOUR, 'gil')
  await swap('raced', '0', 'late', HOUR, 'gil')
  await swap('raced', '1', 'marker', HOUR)
  expect(await kept('owner/gil')).toMatchObject({ names: ['entry raced'] })
  expect(await call('list', { owner: 'gil' })).toEqual({ keys: [] })
})

test('m7_a_list_works_with_a_thousand_entries_without_a_session', async () => {
  for (let at = 0; at < 1000; at += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, of) => swap(`nowhere ${at + of}`, 'expected', 'never written', HOUR, 'hal')),
    )
  }
  await swap('somewhere', undefined, '1', HOUR, 'hal')
  expect(await call('list', { owner: 'hal' })).toEqual({ keys: ['somewhere'] })
  await swap('somewhere', '1', 'marker', HOUR)
  expect(await call('list', { owner: 'hal' })).toEqual({ keys: [] })
}, 300_000)

test('m9_a_session_without_an_expiry_is_kept', async () => {
  const never = { key: 'never', expected: undefined, write: { bytes: '1', expiresAt: 8.64e15, owner: 'ivy' } }
  expect(await call('swap', never)).toEqual({ swap: { done: true } })
  expect(await call('load', { key: 'never' })).toMatchObject({ found: { bytes: '1' } })
  expect(await call('list', { owner: 'ivy' })).toEqual({ keys: ['never'] })
})

test('a_renewed_session_survives_the_alarm_of_its_first_expiry', async () => {
  const lives = 4000
  await swap('renewed', undefined, '1', lives)
  expect(await swap('renewed', '1', '2', HOUR)).toEqual({ swap: { done: true } })
  await new Promise((resolve) => setTimeout(resolve, lives + 1000))
  const { alarm } = (await kept('session/renewed')) as { alarm: number }
  expect(alarm).toBeGreaterThan(Date.now() + HOUR / 2)
  expect(await call('load', { key: 'renewed' })).toMatchObject({ found: { bytes: '2' } })
})

test('f_a_call_of_a_failing_object_is_unknown_and_the_next_call_finds_it_intact', async () => {
  await swap('broken', undefined, '1', HOUR)
  const { error } = (await swap('broken', '1', '2', HOUR, 'breaks-down')) as { error: { kind: string } }
  expect(error).toMatchObject({ name: 'StoreError', kind: 'unknown', cause: expect.stringContaining('broken down') })
  expect(await call('load', { key: 'broken' })).toMatchObject({ found: { bytes: '1' } })
  expect(await swap('broken', '1', '2', HOUR)).toEqual({ swap: { done: true } })
})

test('f_acknowledged_writes_survive_a_restart', async () => {
  await swap('kept', undefined, 'value', HOUR, 'ben')
  await workerd.dispose()
  workerd = await startWorkerd(folder)
  expect(await call('load', { key: 'kept' })).toMatchObject({ found: { bytes: 'value' } })
  expect(await swap('kept', 'other', 'x', HOUR)).toEqual({ swap: { done: false, current: 'value' } })
  expect(await call('list', { owner: 'ben' })).toEqual({ keys: ['kept'] })
})

test('the_kind_of_a_failure_says_whether_a_write_may_have_happened', async () => {
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
    // The binding is of another kind of object.
    [async () => new Response('Not Found', { status: 404 }), 'unknown', 'unavailable'],
  ] as const
  for (const [fetch, kind, before] of kinds) {
    const store = durableObjectStore(namespace(fetch))
    await expect(store.swap('k', undefined, write)).rejects.toMatchObject({ name: 'StoreError', kind })
    await expect(store.swap('k', undefined, { ...write, owner: 'ann' })).rejects.toMatchObject({ kind: before })
    await expect(store.load('k')).rejects.toMatchObject({ name: 'StoreError' })
  }
})

test('the_object_refuses_requests_that_no_store_sends', async () => {
  const object = new SessionObject({ storage: {} as never })
  expect((await object.fetch(new Request('http://localhost/session', { method: 'PATCH' }))).status).toBe(405)
})

test('a_missing_binding_is_an_error_that_names_the_fix', () => {
  expect(() => durableObjectStore(undefined as never)).toThrow(/no namespace given; .*wrangler\.jsonc/)
})
