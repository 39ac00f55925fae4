// The Deno KV store on Deno itself: the contract, long records, refusals, and the types.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { denoKvStore } from '../../src/stores/deno-kv.js'
import { installed, keepsContract, program } from './reported.js'

const deno = installed('.bin/deno')
const folder = mkdtempSync(join(tmpdir(), 'okibi-deno-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (what: string): [string, ...string[]] => {
  const flags = ['--no-check', '--unstable-kv', '--allow-all']
  return [deno, 'run', ...flags, program('deno-kv.ts'), what, join(folder, `${what}.sqlite`)]
}

keepsContract('Deno KV', run('report'), ['the store has nothing to purge'])

describe('Deno KV', () => {
  let seen: Record<string, unknown> = {}
  beforeAll(async () => {
    const [file, ...args] = run('rest')
    seen = JSON.parse((await promisify(execFile)(file, args)).stdout)
  }, 60_000)

  const part = (...at: number[]) => JSON.stringify(['okibi', 'session', 'long', ...at])

  test('a_long_record_is_stored_in_parts_and_read_whole', () => {
    expect(seen.long).toEqual([JSON.stringify(['okibi', 'owner', 'ann', 'long']), part(), part(1), part(2), part(3)])
    expect(seen.isWhole).toBe(true)
  })

  test('a_short_record_in_place_of_a_long_one_leaves_no_part_and_no_owner', () => {
    expect(seen.short).toEqual([part()])
    expect(seen.deleted).toEqual([])
  })

  test('of_many_concurrent_long_records_one_wins_and_is_whole', () => {
    expect(seen).toMatchObject({ winners: 1, isOneOfThem: true })
  })

  test('an_expired_record_is_absent_even_if_deno_has_deleted_only_a_part', () => {
    expect(seen).toMatchObject({ expired: 'nothing', listed: [], anew: { done: true } })
  })

  test('a_record_that_is_too_long_is_an_error_that_names_the_fix', () => {
    const message = expect.stringMatching(/record of 650001 bytes: .* 650000 at most; lower limits.bytes/)
    expect(seen.tooLong).toMatchObject({ name: 'StoreError', kind: 'unavailable', message })
  })

  test('f_a_closed_database_is_unavailable', () => {
    expect(seen.closed).toMatchObject({ name: 'StoreError', kind: 'unavailable' })
  })
})

test('the_types_of_deno_are_accepted', async () => {
  const args = ['check', '--unstable-kv', '--unstable-sloppy-imports', program('deno-fits.ts')]
  await promisify(execFile)(deno, args)
}, 60_000)

test('a_missing_database_is_an_error_that_names_the_fix', () => {
  expect(() => denoKvStore(undefined as never)).toThrow(/no database given; give await Deno.openKv\(\)/)
})
