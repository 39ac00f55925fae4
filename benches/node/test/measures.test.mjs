// Checks what is measured: every site keeps a session, and what is counted is counted.
import assert from 'node:assert/strict'
import test from 'node:test'
import { counts } from '../counts.mjs'
import { calls } from '../engine.mjs'
import { request, SHAPES, SITES, visit } from '../sites.mjs'

/** What a site answers. */
async function page(site, path, cookie) {
  return (await site.request(request(path, cookie))).text()
}

for (const { name, store, make } of SITES.filter(({ name }) => name !== 'bare')) {
  test(`${name} keeps a session of every shape`, async () => {
    for (const shape of SHAPES) {
      const site = make(store?.())
      assert.equal(await page(site, `/read/${shape}`), 'none')
      const { cookie } = await visit(site, `/write/${shape}`)
      assert.equal(await page(site, `/read/${shape}`, cookie), 'some')
    }
  })
}

test('n3_n4_store_calls_and_cookies_are_counted', async () => {
  const rows = await counts(5)
  const of = (wanted) => rows.find(({ name }) => name === wanted)
  assert.deepEqual(of('okibi, memory'), {
    name: 'okibi, memory',
    anonymous: { loads: 0, writes: 0, cookies: 0 },
    reading: { loads: 5, writes: 0, cookies: 0 },
    changing: { loads: 5, writes: 5, cookies: 0 },
  })
  assert.deepEqual(of('hono-sessions, memory').reading, { loads: 5, writes: 5, cookies: 5 })
  assert.deepEqual(of('okibi, sealed cookie').reading, { cookies: 0 })
})

test('what is measured of the engine works: its calls write a session and find it again', () => {
  const made = Object.entries(calls()).map(([name, call]) => {
    const { head } = call()
    return [name, head.error ?? 'no error', head.cookies.length]
  })
  assert.deepEqual(made, [
    ['open a sealed cookie', 'no error', 0],
    ['commit to a sealed cookie', 'no error', 1],
    ['open and load', 'no error', 0],
    ['commit and swap', 'no error', 0],
  ])
})
