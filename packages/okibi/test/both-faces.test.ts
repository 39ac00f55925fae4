// Both faces use one SQLite file concurrently: a Rust service in its own process, and a Hono app in
// this one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openSqliteStore } from '../src/stores/sqlite.js'
import { bothFaces } from './support/both-faces.js'

const folder = mkdtempSync(join(tmpdir(), 'okibi-both-'))
const place = join(folder, 'sessions.sqlite')
afterAll(() => rmSync(folder, { recursive: true }))

bothFaces(async () => ({ place, store: openSqliteStore(place) }))
