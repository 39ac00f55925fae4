// A Rust service shares the sessions of an unchanged app on the real hono-sessions: the same
// cookie, the same records.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Hono } from 'hono'
import { CookieStore, type Session, sessionMiddleware } from 'hono-sessions'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildExample } from './support/rust.js'

const KEY = 'an encryption key of 32 characters, or more'
const folder = mkdtempSync(join(tmpdir(), 'okibi-joined-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The record of that package. */
type SessionData = ReturnType<Session['getCache']>

/** A driver as apps write them, on the table of the Rust service. */
function driver(file: string) {
  const database = new Database(file)
  const rows = {
    read: database.prepare('SELECT value FROM okibi_sessions WHERE key = ?'),
    write: database.prepare(
      'INSERT INTO okibi_sessions (key, value, expires_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    ),
    remove: database.prepare('DELETE FROM okibi_sessions WHERE key = ?'),
  }
  const write = (id: string, data: SessionData) => {
    rows.write.run(id, Buffer.from(JSON.stringify(data)), Date.now() + 3_600_000)
  }
  return {
    getSessionById: (id?: string) => {
      const row = rows.read.get(id ?? '') as { value: Buffer } | undefined
      return row && (JSON.parse(row.value.toString()) as SessionData)
    },
    createSession: write,
    persistSessionData: write,
    deleteSession: (id: string) => {
      rows.remove.run(id)
    },
  }
}

type App = Hono<{ Variables: { session: Session<{ count: number; theirs: boolean }>; session_key_rotation: boolean } }>

function app(store: CookieStore | ReturnType<typeof driver>): App {
  const app: App = new Hono()
  app.use(sessionMiddleware({ store, encryptionKey: KEY, expireAfterSeconds: 900 }))
  app.get('/add', (c) => {
    const session = c.get('session')
    session.set('count', (session.get('count') ?? 0) + 1)
    return c.text(String(session.get('count')))
  })
  app.get('/read', (c) => c.json({ count: c.get('session').get('count') }))
  app.get('/rotate', (c) => {
    c.set('session_key_rotation', true)
    return c.text('rotated')
  })
  app.get('/logout', (c) => {
    c.get('session').deleteSession()
    return c.text('bye')
  })
  return app
}

type Face = (path: string, cookie?: string) => Promise<Response>

/** The browser's cookie after an answer. */
function cookieAfter(response: Response, cookie?: string): string | undefined {
  expect(response.status).toBe(200)
  const set = response.headers.getSetCookie().at(-1)
  if (set === undefined) return cookie
  return set.includes('Max-Age=0') ? undefined : set.split(';')[0]
}

for (const dialect of ['hono-sessions', 'hono-sessions-cookie']) {
  describe(dialect, () => {
    const file = join(folder, `${dialect}.sqlite`)
    let rust: ChildProcess
    let axum: Face
    let hono: Face

    beforeAll(async () => {
      rust = spawn(buildExample('shared'), [file, dialect, KEY], { stdio: ['ignore', 'pipe', 'inherit'] })
      if (!rust.stdout) throw new Error('no output to read')
      const [address] = (await once(createInterface(rust.stdout), 'line')) as [string]
      axum = (path, cookie) => fetch(address + path, { headers: cookie ? { cookie } : {} })
      const theirs = app(dialect === 'hono-sessions' ? driver(file) : new CookieStore())
      hono = async (path, cookie) => theirs.request(path, { headers: cookie ? { cookie } : {} })
    }, 600_000)

    afterAll(async () => {
      const ended = once(rust, 'exit')
      rust.kill()
      await ended
    })

    test('n24: each continues a session of the other', async () => {
      for (const [first, second] of [
        [axum, hono],
        [hono, axum],
      ] as [Face, Face][]) {
        let cookie: string | undefined
        for (const [face, count] of [
          [first, '1'],
          [second, '2'],
          [second, '3'],
          [first, '4'],
        ] as [Face, string][]) {
          const answer = await face('/add', cookie)
          expect(await answer.text()).toBe(count)
          cookie = cookieAfter(answer, cookie)
        }
        for (const face of [axum, hono]) {
          const answer = await face('/read', cookie)
          expect(await answer.json()).toEqual({ count: 4 })
        }
      }
    })

    test('n8: a logout at the service ends the session at the app', async () => {
      const cookie = cookieAfter(await hono('/add'))
      expect(cookieAfter(await axum('/logout', cookie), cookie)).toBeUndefined()
      if (dialect === 'hono-sessions') expect(await (await hono('/add', cookie)).text()).toBe('1')
    })

    test('n8: a logout at the app ends the session at the service', async () => {
      const cookie = cookieAfter(await axum('/add'))
      const left = cookieAfter(await hono('/logout', cookie), cookie)
      expect(await (await axum('/add', left)).text()).toBe('1')
    })

    if (dialect === 'hono-sessions') {
      test('s18: after a rotation at one the other opens the new id, and the old id opens nothing', async () => {
        for (const [first, second] of [
          [axum, hono],
          [hono, axum],
        ] as [Face, Face][]) {
          const old = cookieAfter(await first('/add'))
          const fresh = cookieAfter(await first('/rotate', old), old)
          expect(fresh).not.toBe(old)
          expect(await (await second('/add', fresh)).text()).toBe('2')
          expect(await (await second('/add', old)).text()).toBe('1')
        }
      })
    }
  })
}
