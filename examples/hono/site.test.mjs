// The shared pages, rendered the way the Hono app renders them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { folder, templates } from './site.mjs'

for (const { name, template, data, has, lacks } of JSON.parse(readFileSync(`${folder}cases.json`, 'utf8'))) {
  test(`${template}: ${name}`, () => {
    const html = templates.render(template, data)
    for (const text of has) assert.ok(html.includes(text), `${text} is missing in:\n${html}`)
    for (const text of lacks) assert.ok(!html.includes(text), `${text} is in:\n${html}`)
  })
}

test('a page without its data is an error, not a hole', () => {
  assert.throws(() => templates.render('members.html', { path: '/members', servers: [], store: 'sqlite' }), /undefined/)
})
