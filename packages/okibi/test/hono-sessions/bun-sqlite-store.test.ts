// BunSqliteStore, on Bun's own SQLite on Bun, and on a database with the same methods elsewhere.
import { BunSqliteStore as Original } from 'hono-sessions/bun-sqlite-store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BunSqliteStore } from '../../src/hono-sessions/bun-sqlite-store.js'
import { freshFile } from '../support/databases.js'
import { KEY } from './support/drivers.js'
import { type Data, type Driver, type Implementation, okibi, original } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'
import { openBun } from './support/sqlite.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const both: [Implementation, new (db: unknown, tableName?: string) => Driver][] = [
  [original, Original],
  [okibi, BunSqliteStore],
]

for (const [implementation, Store] of both) {
  test(`the table and its rows are those of the original [${implementation.name}]`, async () => {
    const database = await openBun(freshFile())
    const store = new Store(database)
    expect(store).toMatchObject({ db: database, tableName: 'sessions' })
    const ann = new Jar(site(implementation, { store, expireAfterSeconds: 60 }))
    await ann.json('/set/a?v={"b":[1]}')
    const rows = database.query('SELECT * FROM sessions').all()
    expect(rows).toEqual([{ id: ann.cookies.get('session'), data: expect.any(String) }])
    expect(JSON.parse(rows[0]?.data as string)).toEqual({
      _id: ann.cookies.get('session'),
      _data: { a: { value: { b: [1] }, flash: false } },
      _expire: expect.any(String),
      _delete: false,
      _accessed: expect.any(String),
    })
    const types = database.query('SELECT name, type, pk FROM pragma_table_info(?)').all('sessions')
    expect(types.map(({ name, type, pk }) => [name, type, pk])).toEqual([
      ['id', 'TEXT', 1],
      ['data', 'TEXT', 0],
    ])
  })

  test(`it works as a driver, in a table of the app's own [${implementation.name}]`, async () => {
    const database = await openBun(freshFile())
    new Store(database, 'visitors')
    const store = new Store(database, 'visitors')
    const data: Data = { _data: { a: { value: 1, flash: false } }, _expire: null, _delete: false, _accessed: null }
    expect(await store.getSessionById('a')).toBe(null)
    store.createSession('a', data)
    expect(await store.getSessionById('a')).toEqual(data)
    expect(() => store.createSession('a', data)).toThrow()
    store.persistSessionData('a', { ...data, _delete: true })
    expect(await store.getSessionById('a')).toEqual({ ...data, _delete: true })
    store.persistSessionData('missing', data)
    expect(await store.getSessionById('missing')).toBe(null)
    store.deleteSession('a')
    store.deleteSession('missing')
    expect(await store.getSessionById('a')).toBe(null)
    expect(database.query('SELECT count(*) AS n FROM visitors').get()).toMatchObject({ n: 0 })
  })
}

describe('n24 both ways', () => {
  for (const [[from, From], [to, To]] of [both, [...both].reverse()] as [(typeof both)[0], (typeof both)[0]][]) {
    for (const encryptionKey of [undefined, KEY]) {
      test(`${from.name} → ${to.name}${encryptionKey ? ', with a key' : ''}`, async () => {
        const file = freshFile()
        const more = { expireAfterSeconds: 3600, ...(encryptionKey && { encryptionKey }) }
        const here = site(from, { store: new From(await openBun(file)), ...more })
        const there = site(to, { store: new To(await openBun(file)), ...more })
        const ann = new Jar(here)
        await ann.json('/set/cart?v=[1]')
        await ann.json('/flash/message?v="hello"')
        const moved = ann.twin(there)
        const before = ann.twin(there)
        expect([await moved.json('/get/cart'), await moved.json('/get/message')]).toEqual([[1], 'hello'])
        await moved.json('/login/ann')
        const back = moved.twin(here)
        expect([await back.json('/get/user'), await back.json('/get/message')]).toEqual(['ann', null])
        expect(await before.json('/get/cart')).toBe(null)
        vi.setSystemTime(Date.now() + 3000_000)
        expect(await back.json('/count')).toBe(1)
        expect(await back.twin(there).json('/count')).toBe(2)
        await back.twin(there).json('/logout')
        expect(await back.json('/get/user')).toBe(null)
      })
    }
  }
})

describe('additions of okibi', () => {
  test('n1, n2 it compares and swaps: fifty parallel changes survive, a logout stays one', async () => {
    const file = freshFile()
    // Two stores that share only the file, as two processes do.
    const apps = [
      site(okibi, { store: new BunSqliteStore(await openBun(file)) }),
      site(okibi, { store: new BunSqliteStore(await openBun(file)) }),
    ]
    const ann = new Jar(apps[0] as never)
    await ann.json('/set/first')
    await Promise.all(Array.from({ length: 50 }, (_, at) => ann.twin(apps[at % 2] as never).json(`/set/n${at}`)))
    expect(Object.keys(((await ann.json('/cache')) as Data)._data)).toHaveLength(51)
    const tab = ann.twin(apps[1] as never)
    await ann.json('/logout')
    expect(await tab.json('/get/first')).toBe(null)
  })

  test('n13, n27 purge drops expired sessions', async () => {
    const database = await openBun(freshFile())
    const store = new BunSqliteStore(database)
    const app = site(okibi, { store, expireAfterSeconds: 60 })
    for (let visitor = 0; visitor < 5; visitor += 1) await new Jar(app).json('/set/a')
    await new Jar(site(okibi, { store })).json('/set/a')
    database.query("INSERT INTO sessions (id, data) VALUES ('odd', 'no JSON')").run()
    expect(store.purge()).toBe(0)
    vi.setSystemTime(Date.now() + 61_000)
    expect(store.purge()).toBe(5)
    expect(database.query('SELECT count(*) AS n FROM sessions').get()).toMatchObject({ n: 2 })
  })

  test('an invalid database or table name is an error that names it', async () => {
    const database = await openBun(freshFile())
    for (const [db, name, message] of [
      [undefined, 'sessions', 'db of type undefined: must be a Database of bun:sqlite'],
      [{}, 'sessions', 'db of type object'],
      [database, '', 'tableName "": must be the name of a table'],
      [database, 'a; DROP TABLE b', 'tableName "a; DROP TABLE b"'],
      [database, 'two words', 'tableName "two words"'],
      [database, 5, 'tableName 5'],
    ] as const) {
      expect(() => new BunSqliteStore(db, name as string)).toThrow(
        expect.objectContaining({ code: 'config', message: expect.stringContaining(message) }),
      )
    }
    for (const name of ['_s1', 'main.sessions', '"two words"', '[two words]', '`a`', 'besucher_ä']) {
      const store = new BunSqliteStore(database, name)
      store.createSession(name, { _data: {}, _expire: null, _delete: false, _accessed: null })
      expect(store.getSessionById(name)).not.toBe(null)
    }
  })
})
