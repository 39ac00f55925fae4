// The SQLite store in a process that is killed during writes, and on a disk that is full.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { openSqliteStore } from '../../src/stores/sqlite.js'

const program = fileURLToPath(new URL('./programs/sqlite.js', import.meta.url))

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'okibi-sqlite-'))
  folders.push(folder)
  return folder
}

test('f_kill_9_of_a_writing_process_loses_no_acknowledged_write', async () => {
  const file = join(freshFolder(), 'sessions.sqlite')
  const acknowledged: string[] = []
  for (let round = 0; round < 5; round += 1) {
    const writer = spawn(process.execPath, [program, 'write', file, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(writer, 'exit')
    const lines = createInterface(writer.stdout)
    // After its tenth acknowledged write it is killed at a random moment.
    let left = 10 + Math.random() * 30
    for await (const line of lines) {
      acknowledged.push(line)
      left -= 1
      if (left < 0 && !writer.killed) setTimeout(() => writer.kill('SIGKILL'), Math.random() * 5)
    }
    expect((await exit)[1]).toBe('SIGKILL')

    const store = openSqliteStore(file)
    const text = async (key: string) => new TextDecoder().decode((await store.load(key))?.bytes)
    const chains = new Map<string, number>()
    for (const line of acknowledged) {
      // The last line may be truncated.
      const [what, of, at] = line.split(':')
      if (what === 'created') expect(await text(`created ${of} ${at}`)).toBe(String(at).padStart(8).repeat(1000))
      if (what === 'chained') chains.set(String(of), Number(at))
    }
    for (const [of, at] of chains) expect([at, at + 1]).toContain(Number(await text(`chain ${of}`)))
    store.close()
  }
  expect(acknowledged.length).toBeGreaterThan(50)
})

test('f_a_full_disk_loses_no_acknowledged_write_and_the_store_recovers', () => {
  const disk = freshFolder()
  const fill = (order: string) => [disk, process.execPath, program, order, disk]
  // A file system in memory for the child process alone. If that is not allowed, a limit on file
  // sizes.
  const small = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m okibi "$0" && exec "$@"', ...fill('fill-disk')]
  const short = ['-c', `trap '' XFSZ && ulimit -f 1024 && exec "$@"`, ...fill('fill-files')]
  const isAllowed = spawnSync('unshare', ['-rm', 'true']).status === 0
  const output = isAllowed ? execFileSync('unshare', small) : execFileSync('sh', short)
  expect(String(output)).toMatch(/^\d+ acknowledged and kept\n$/)
})
