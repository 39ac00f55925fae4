// A HEAD request changes the session no more than a GET of the same page: it consumes nothing.
import type { Hono } from 'hono'
import { expect, test } from 'vitest'
import { kvClient } from '../../src/hono-kv-session/cloudflare.js'
import { Browser } from '../support/browser.js'
import { FakeKv } from '../support/fake-kv.js'
import { type SiteOptions, site } from './support/site.js'

function visitor(options?: SiteOptions): { kv: FakeKv; ann: Browser } {
  const kv = new FakeKv()
  const env = { SESSION: kv.place() }
  const app = site(kvClient(), options)
  return {
    kv,
    ann: new Browser({ request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono),
  }
}

const login: RequestInit = { method: 'POST', body: JSON.stringify({ value: { user: 'ann' } }) }

for (const [name, options] of Object.entries<SiteOptions>({ plain: {}, regenerate: { regenerate: true } })) {
  test(`n58_head_consumes_nothing (${name})`, async () => {
    const { kv, ann } = visitor(options)
    await ann.fetch('/login', login)
    const writes: string[] = []
    kv.fault = (what) => {
      if (what !== 'get') writes.push(what)
      return undefined
    }
    for (let round = 0; round < 2; round += 1) {
      const head = await ann.fetch('/private', { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
    }
    if (!options.regenerate) expect(writes).toEqual([])
    const { value } = JSON.parse(await ann.text('/')) as { value: unknown }
    expect(value).toEqual({ user: 'ann' })
    expect((await visitor(options).ann.fetch('/private', { method: 'HEAD' })).status).not.toBe(200)
  })
}
