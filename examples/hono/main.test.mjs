// Start and end of the program: its arguments, its output, its exit codes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'okibi-example-hono-'))
after(() => rmSync(folder, { recursive: true }))

/** The output of the program, its exit code, and a promise of its end. */
function program(...args) {
  // Without warnings: in some versions of Node SQLite is experimental and logs a warning.
  const child = spawn(process.execPath, ['--no-warnings', main, ...args])
  const run = { child, stdout: '', stderr: '', code: undefined }
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      run[name] += text
    })
  }
  run.ended = once(child, 'close').then(([code]) => {
    run.code = code
  })
  return run
}

/** The program refuses to start, with one line that has these strings. */
async function refused(args, code, ...says) {
  const run = program(...args)
  await run.ended
  assert.equal(run.code, code, `${args.join(' ')}: ${run.stderr}`)
  assert.equal(run.stdout, '')
  assert.equal(run.stderr.trimEnd().split('\n').length, 1, run.stderr)
  for (const text of says) assert.ok(run.stderr.includes(text), `${text} is missing in: ${run.stderr}`)
}

test('a wrong argument is named with its value and fix', async () => {
  const [missing, short] = [join(folder, 'missing'), join(folder, 'short')]
  writeFileSync(short, 'too short\n')
  await refused(['--colour', 'red'], 2, '--colour', 'README')
  await refused(['--store', 'paper'], 2, '--store paper', 'sqlite or cookie')
  await refused(['--store'], 2, '--store', 'missing')
  await refused([], 2, '--database')
  await refused(['--store', 'cookie'], 2, '--secret-file')
  await refused(['--store', 'cookie', '--secret-file', missing], 2, '--secret-file', missing, '32 bytes')
  await refused(['--store', 'cookie', '--secret-file', short], 2, '--secret-file', short, '32 bytes')
  await refused(['--database', 'x', '--listen', 'here'], 2, '--listen here', '127.0.0.1:3001')
  await refused(['--database', 'x', '--other-port', '70000'], 2, '--other-port 70000', '3000')
})

test('an error of the system is named, too', async () => {
  const nowhere = join(folder, 'nowhere/sessions.sqlite')
  await refused(['--database', nowhere], 1, '--database', nowhere, 'folder')

  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = `127.0.0.1:${taken.address().port}`
  const database = join(folder, 'sessions.sqlite')
  await refused(['--listen', address, '--database', database], 1, '--listen', address, 'another port')
  taken.close()
})

const ends = {
  'its standard input ends': ({ child }) => child.stdin.end(),
  'it gets SIGINT': ({ child }) => child.kill('SIGINT'),
  'it gets SIGTERM': ({ child }) => child.kill('SIGTERM'),
}
for (const [why, end] of Object.entries(ends)) {
  test(`it ends when ${why}, although a browser keeps a connection open`, async () => {
    const run = program('--listen', '127.0.0.1:0', '--database', join(folder, 'sessions.sqlite'), '--exit-with-stdin')
    while (!run.stdout.includes('\n') && run.code === undefined)
      await Promise.race([once(run.child.stdout, 'data'), run.ended])
    const [, port] = /^Hono listens on http:\/\/127\.0\.0\.1:(\d+)\n$/.exec(run.stdout) ?? assert.fail(run.stderr)
    const silent = connect(Number(port), '127.0.0.1')
    await once(silent, 'connect')
    end(run)
    await run.ended
    assert.equal(run.code, 0)
    assert.equal(run.stderr, '')
    silent.destroy()
  })
}
