// Every code block of every page: files of projects belong to a tested page, and all other blocks
// compile by themselves.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { env } from '../consumers/support/project.js'
import { otherBlocks, sourcesIn } from './support/blocks.js'
import { patchCrates } from './support/crates.js'
import { linkEverything } from './support/everything.js'
import { allPages, parsePage, readPage, root } from './support/page.js'
import { projectsOf } from './support/project.js'
import { checkTypes } from './support/types.js'

const exec = promisify(execFile)

test('every page that shows a project has a test that builds it', () => {
  const shows = (page: string) => readPage(page).some((part) => part.kind === 'block' && part.path !== undefined)
  const followed = readdirSync(import.meta.dirname).map((name) => name.replace('.test.ts', '.md'))
  const isFollowed = (page: string) => followed.includes(page.replace('docs/', '').replace('README', 'readme'))
  expect(allPages().filter((page) => shows(page) && !isFollowed(page))).toEqual([])
})

test('TypeScript and JavaScript', async () => {
  const folder = join(inject('guides'), '.blocks')
  linkEverything(folder)
  const files = sourcesIn('ts', 'js').map(({ name, language, text }) => {
    const file = `${name}.${language}`
    writeFileSync(join(folder, file), `${text}\nexport {}\n`)
    return file
  })
  expect(files.length).toBeGreaterThan(0)
  await checkTypes(folder, files, 'node', { allowJs: true })
})

test('Rust', async () => {
  const folder = join(inject('guides'), '.blocks-rust')
  mkdirSync(join(folder, 'src'), { recursive: true })
  writeFileSync(join(folder, 'Cargo.toml'), MANIFEST)
  patchCrates(folder)
  const sources = sourcesIn('rust')
  for (const { name, text } of sources) writeFileSync(join(folder, `src/${name}.rs`), text)
  const modules = sources.map(({ name }) => `#[allow(warnings)]\nmod ${name};\n`)
  writeFileSync(join(folder, 'src/lib.rs'), modules.join(''))
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  const own = { CARGO_TARGET_DIR: target, CARGO_TERM_QUIET: 'true' }
  await exec('cargo', ['check'], { cwd: folder, env: { ...env, ...own } })
})

/** The crates that a Rust block may use. */
const MANIFEST = `[package]
name = "blocks"
version = "0.0.0"
edition = "2024"

[dependencies]
axum = "0.8"
http = "1"
okibi = { version = "0.1", features = ["sqlite", "redis", "postgres", "mysql"] }
okibi-contract = "0.1"
redis = { version = "1.8", default-features = false, features = ["cluster-async", "connection-manager", "sentinel", "tokio-comp"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
sqlx = { version = "0.9", default-features = false, features = ["mysql", "postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync", "time"] }
tower = { version = "0.5", features = ["util"] }
tower-http = { version = "0.6", features = ["catch-panic", "compression-gzip", "set-header", "timeout"] }
tracing = "0.1"
tracing-subscriber = { version = "0.3", default-features = false, features = ["fmt"] }
`

test('JSON blocks parse, and shell blocks have valid syntax', async () => {
  for (const { place, language, code } of otherBlocks()) {
    if (language === 'json') expect(() => JSON.parse(code), place).not.toThrow()
    if (language === 'sh') await exec('bash', ['-nc', code]).catch((error) => expect.fail(`${place}: ${error}`))
  }
})

test('a block is a file, a command, a caption or a fragment', () => {
  const page =
    '# A\n```ts [a.ts]\n1\n```\n<!-- around\nf(\n…\n)\n-->\n```ts\n2\n```\n```sh [run]\nx\n```\n```js [not ours]\n```\n'
  const found = parsePage('p.md', page).map((part) => (part.kind === 'heading' ? part.text : part))
  expect(found).toEqual([
    'A',
    expect.objectContaining({ path: 'a.ts', caption: undefined, code: '1\n', place: 'p.md:2' }),
    expect.objectContaining({ path: undefined, caption: undefined, code: '2\n', around: 'f(\n…\n)' }),
    expect.objectContaining({ path: undefined, caption: 'run', code: 'x\n' }),
    expect.objectContaining({ path: undefined, caption: 'not ours', code: '' }),
  ])
  expect(() => parsePage('p.md', '# A\n```ts\n')).toThrow('p.md:2: the code block has no end')
})

test('a project has the files above its heading, and ends where the next one begins', () => {
  const block = (path: string, code: string) => `\`\`\`ts [${path}]\n${code}\n\`\`\`\n`
  const run = '```sh [run]\na \\\n  b\n# no\nc\n```\n'
  const text = `# T\n${block('s', '0')}## A\n### In it\n${block('a', '1')}${run}${block('a', '2')}## B\n${run}# End\n`
  const parts = parsePage('p.md', text)
  expect(projectsOf('p.md', parts, ['A', 'B'])).toEqual([
    {
      name: 'A',
      files: new Map([
        ['s', '0\n'],
        ['a', '1\n\n2\n'],
      ]),
      run: ['a   b', 'c'],
    },
    { name: 'B', files: new Map([['s', '0\n']]), run: ['a   b', 'c'] },
  ])
  expect(() => projectsOf('p.md', parts, ['C'])).toThrow('p.md: 0 headings are called "C", must be one')
  expect(() => projectsOf('p.md', parsePage('p.md', `# T\n${run}`), [])).not.toThrow()
  const after = parsePage('p.md', `# T\n## A\n${run}# End\n${run}`)
  expect(() => projectsOf('p.md', after, ['A'])).toThrow('p.md:10: belongs to no project that the page')
  expect(() => projectsOf('p.md', parsePage('p.md', '# T\n'), ['T'])).toThrow('"T" has no block')
})
