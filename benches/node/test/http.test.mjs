// Checks the apps that are served over HTTP: each counts the visits of a session, and each group can be compared.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { GROUPS, STORES } from '../http/contests.mjs'
import { after } from '../http/cookies.mjs'
import { EXPRESS_APPS } from '../http/express-apps.mjs'
import { HONO_APPS } from '../http/hono-apps.mjs'
import { bareOf } from '../tables/http.mjs'

/** Stores that need no server, on Node. */
const HERE = /-(memory|cookie|SQLite)$/
const ELSEWHERE = ['hono-sessions-SQLite']

/** Logs in, visits, and returns what the session has counted. */
async function visits(ask) {
  let cookie = ''
  const get = async (path) => {
    const answer = await ask(path, cookie)
    assert.equal(answer.status, 200, path)
    cookie = after(cookie, answer)
    return answer.text()
  }
  for (const path of ['/login', '/write', '/read', '/write']) await get(path)
  return get('/visits')
}

async function withFile(use) {
  const folder = mkdtempSync(join(tmpdir(), 'okibi-bench-'))
  try {
    return await use(join(folder, 'sessions.sqlite'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const name of Object.keys(HONO_APPS).filter((name) => HERE.test(name) && !ELSEWHERE.includes(name))) {
  test(`Hono with ${name} counts visits`, () =>
    withFile(async (file) => {
      const app = await HONO_APPS[name](file)
      assert.equal(await visits((path, cookie) => app.request(path, { headers: { cookie } })), '3')
    }))
}

for (const name of Object.keys(EXPRESS_APPS).filter((name) => HERE.test(name))) {
  test(`Express with ${name} counts visits`, () =>
    withFile(async (file) => {
      const server = (await EXPRESS_APPS[name](file)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = `http://127.0.0.1:${server.address().port}`
      assert.equal(await visits((path, cookie) => fetch(address + path, { headers: { cookie } })), '3')
      server.closeAllConnections()
      server.close()
    }))
}

test('every app of a group has a bare app, and every peer an okibi with the same store', () => {
  for (const apps of Object.values(GROUPS)) {
    for (const app of apps.filter(({ store }) => store !== undefined)) {
      assert.ok(STORES.includes(app.store))
      assert.ok(bareOf(app, apps), `${app.framework}: no bare app`)
      assert.ok(
        apps.some(({ library, store }) => library === 'okibi' && store === app.store),
        `${app.store}: no okibi`,
      )
    }
  }
})

test('every app of a group that is a script is there', () => {
  const programs = Object.values(GROUPS).flatMap((apps) => apps.map(({ program }) => program))
  const scripts = programs.filter(([kind]) => kind !== 'rust' && kind !== 'sqlite')
  const missing = scripts.filter(([, framework, name]) => !(framework === 'Express' ? EXPRESS_APPS : HONO_APPS)[name])
  assert.deepEqual(missing, [])
})
