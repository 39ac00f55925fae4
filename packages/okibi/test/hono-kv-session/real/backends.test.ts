// The drop-in on Redis, on KV and D1 in workerd, and on Deno KV in Deno; and what only one of them can show.
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

  test('s24_a_value_that_is_no_json_is_no_exception', async () => {
    const app = backend.site()
    const visit = async (id: string) => {
      const response = await app.request('/', { headers: { cookie: `id=${id}` } })
      expect(response.status).toBe(200)
      return (await response.json()) as { value: unknown; status: boolean }
    }
    // A date has a JSON, a bigint has none.
    await backend.put('localhost', 'a-date', new Date(0), 3600)
    expect(await visit('a-date')).toMatchObject({ value: '1970-01-01T00:00:00.000Z', status: true })
    await backend.put('localhost', 'a-bigint', 1n, 3600)
    expect(await visit('a-bigint')).toMatchObject({ value: null, status: false })
  })

  test('the_note_of_an_entrys_end_does_not_show_among_the_sessions', async () => {
    const before = await backend.count('localhost')
    await backend.site().request('/login', { method: 'POST', body: '{"value":"ann"}' })
    expect(await backend.count('localhost')).toBe(before + 1)
  })
})

test('a_database_without_the_table_is_503_and_nobody_gets_a_cookie', async () => {
  const worker = await workerd({ d1Databases: ['SESSION_DB'] })
  const app = remote((body) => worker.dispatchFetch('http://localhost/d1', { method: 'POST', body }), {})
  const response = await app.request('/login', { method: 'POST', body: '{"value":"ann"}' })
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
  await worker.dispose()
})

test('a_worker_without_the_binding_says_which', async () => {
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
