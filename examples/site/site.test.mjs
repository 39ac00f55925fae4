// The shared pages, rendered as in the Hono app, from the precompiled templates.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { memoryStore } from 'okibi/memory'
import { siteApp } from './app.mjs'
import { compiled } from './compile.mjs'
import { templates } from './site.mjs'

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8')

for (const { name, template, data, has, lacks } of JSON.parse(read('cases.json'))) {
  test(`${template}: ${name}`, () => {
    const html = templates.render(template, data)
    for (const text of has) assert.ok(html.includes(text), `${text} is missing in:\n${html}`)
    for (const text of lacks) assert.ok(!html.includes(text), `${text} is in:\n${html}`)
  })
}

test('a page without its data is an error', () => {
  assert.throws(() => templates.render('members.html', { path: '/members', servers: [], store: 'sqlite' }), /undefined/)
})

test('compiled.mjs is up to date', () => {
  assert.ok(compiled() === read('compiled.mjs'), 'compiled.mjs is out of date; run npm run compile')
})

test('a site of one server knows its own port, and lists sessions where the store can', async () => {
  const about = { server: 'Bun', runtime: 'Hono', keptIn: 'memory' }
  const app = siteApp({ ...about, session: { store: memoryStore() } })
  const page = await (await app.request('/', { headers: { host: 'localhost:8787' } })).text()
  assert.match(page, /<p class="server-where">Hono, port 8787<\/p>/)
  assert.match(page, /id="engine-store">memory</)
  assert.equal((await app.request('/sessions/end-others', { method: 'POST' })).status, 303, 'the guard')
  const sealed = siteApp({ ...about, session: { secret: 'a secret of at least thirty-two bytes' } })
  assert.equal((await sealed.request('/sessions/end-others', { method: 'POST' })).status, 404)
})

test('a secret that is not there is asked for by name', () => {
  for (const secret of [undefined, '']) {
    assert.throws(() => siteApp({ server: 'Bun', runtime: 'Hono', keptIn: '', session: { secret } }), /SECRET.*32/)
  }
})
