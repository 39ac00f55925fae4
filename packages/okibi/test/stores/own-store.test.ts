// docs/your-own-store.md shows the files in `own` unchanged. Each test runner of the page runs
// them.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { memoryStore } from '../../src/stores/memory.js'
import { installed } from './reported.js'

const own = fileURLToPath(new URL('./own/', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(new URL('../../../../docs/your-own-store.md', import.meta.url), 'utf8')
const files = readdirSync(own).filter((name) => !name.endsWith('.d.ts'))
const rules = storeContract(memoryStore(), { another: memoryStore() })
const node = installed('.bin/node')

test.each(files)('the page shows %s unchanged', (name) => {
  const [, ...lines] = readFileSync(join(own, name), 'utf8').split('\n')
  expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
})

test('every TypeScript example of the page is a file in own', () => {
  expect(page.match(/^```ts$/gm)).toHaveLength(files.length)
})

test('the page names every rule and no other', () => {
  const named = page.match(/^1\. .*$/gm)?.map((line) => line.slice(3))
  expect(named).toEqual(rules.map(({ name }) => name))
})

/** Each runner, its own file, the file name that it finds, and its command. */
const RUNNERS: readonly (readonly [name: string, file: string, as: string, command: readonly [string, ...string[]]])[] =
  [
    [
      'Vitest',
      'contract.vitest.ts',
      'contract.test.ts',
      [node, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=tap-flat'],
    ],
    ['node:test', 'contract.node.ts', 'contract.test.ts', [node, '--test', '--test-reporter=tap', 'contract.test.ts']],
    ['Bun', 'contract.bun.ts', 'contract.test.ts', [installed('.bin/bun'), 'test', '--timeout', '20000']],
    [
      'Deno',
      'contract.deno.ts',
      'contract_test.ts',
      [installed('.bin/deno'), 'test', '--allow-all', '--no-check', '--reporter=tap'],
    ],
  ]

describe.each(RUNNERS)('%s', (_name, file, as, [program, ...args]) => {
  const folder = mkdtempSync(join(tmpdir(), 'okibi-own-'))
  let printed = ''
  let code: unknown
  beforeAll(async () => {
    cpSync(join(own, 'table-store.ts'), join(folder, 'table-store.ts'))
    cpSync(join(own, file), join(folder, as))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/okibi'))
    for (const name of ['vitest', 'hono'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    const env = { ...process.env, NO_COLOR: '1' }
    await new Promise<void>((resolve) => {
      execFile(program, args, { cwd: folder, env, maxBuffer: 1e7 }, (error, stdout, stderr) => {
        code = error
        printed = stdout + stderr
        resolve()
      })
    })
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('the store of the page keeps every rule', () => {
    expect(code, printed).toBeNull()
    for (const { name } of rules) expect(printed).toContain(name)
  })
})
