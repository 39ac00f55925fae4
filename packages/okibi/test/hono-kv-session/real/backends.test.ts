// The drop-in on Redis, on KV and D1 in workerd, and on Deno KV in Deno, with tests of single
// backends.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyBackend } from './suite.js'
import { type Backend, cloudflare, d1, denokv, redis, workerd } from './support/backends.js'
import { remote } from './support/remote.js'

everyBackend('Redis', redis)
everyBackend('Cloudflare KV', cloudflare)
everyBackend('Cloudflare D1', d1)
everyBackend('Deno KV', denokv)

describe('Deno KV alone', () => {
  let backend: Backend
  beforeAll(async () => {
    backend = await denokv()
  }, 60_000)
  afterAll(() => backend.close())

  test('s24_a_value_without_json_is_no_session_and_no_error', async () => {
    const app = backend.site()
    const visit = async (id: string) => {
      const response = await app.request('/', { headers: { cookie: `id=${id}` } })
      expect(response.status).toBe(200)
      return (await response.json()) as { value: unknown; status: boolean }
    }
    // A date has JSON, a bigint has none.
    await backend.put('localhost', 'a-date', new Date(0), 3600)
    expect(await visit('a-date')).toMatchObject({ value: '1970-01-01T00:00:00.000Z', status: true })
    await backend.put('localhost', 'a-bigint', 1n, 3600)
    expect(await visit('a-bigint')).toMatchObject({ value: null, status: false })
  })

  test('the_stored_expiry_of_an_entry_is_not_listed_as_a_session', async () => {
    const before = await backend.count('localhost')
    await backend.site().request('/login', { method: 'POST', body: '{"value":"ann"}' })
    expect(await backend.count('localhost')).toBe(before + 1)
  })
})

test('a_database_without_the_table_is_503_without_a_cookie', async () => {
  const worker = await workerd({ d1Databases: ['SESSION_DB'] })
  const app = remote((body) => worker.dispatchFetch('http://localhost/d1', { method: 'POST', body }), {})
  const response = await app.request('/login', { method: 'POST', body: '{"value":"ann"}' })
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
  await worker.dispose()
})

test('the_error_of_a_worker_without_the_binding_names_it', async () => {
  const worker = await workerd({})
  for (const [path, binding] of [
    ['cloudflare', 'SESSION'],
    ['d1', 'SESSION_DB'],
  ]) {
    const app = remote((body) => worker.dispatchFetch(`http://localhost/${path}`, { method: 'POST', body }), {})
    const response = await app.request('/')
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining(`no binding ${binding};`)])
  }
  await worker.dispose()
})
