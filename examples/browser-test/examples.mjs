// Tests in Chromium that every example works as its README says: on its runtime, with each of its
// stores.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findChromium, launch } from './browser.mjs'
import { examples } from './examples/list.mjs'
import { Program } from './examples/program.mjs'
import { environment, install, prepare, workshop } from './examples/project.mjs'
import { startRedis } from './examples/redis.mjs'
import { freePorts } from './servers.mjs'
import { Steps } from './steps.mjs'

/** The number of concurrent examples. Each uses one core most of the time. */
const LANES = 2

const steps = new Steps()
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !examples.some((example) => example.name === name))
if (unknown.length > 0) throw new Error(`${unknown[0]}: unknown example`)
const chromium = findChromium()
if (!chromium) throw new Error('chromium: not found, install it or set OKIBI_CHROMIUM')
const browser = await launch(chromium)
console.log(`Chromium ${browser.version}`)
try {
  await prepare()
  const screenshots = process.env.OKIBI_SCREENSHOTS ?? join(workshop(), 'screenshots')
  await mkdir(screenshots, { recursive: true })
  const queue = examples.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  const lane = async () => {
    for (let example = queue.shift(); example; example = queue.shift()) await prove(example, screenshots)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
} finally {
  await browser.close()
}
console.log(`${steps.passed} passed, ${steps.failed} failed`)
process.exitCode = steps.failed === 0 ? 0 : 1

/** The commands used here are those of the README. */
async function saidInReadme({ folder, install, before = [], start }) {
  const readme = await readFile(new URL(`../${folder}/README.md`, import.meta.url), 'utf8')
  const { command } = start(0, {})
  const end = command.indexOf('--')
  const typed = [install.slice(0, 2), ...before, end < 0 ? command : command.slice(0, end)]
  for (const words of typed) {
    assert.ok(
      readme.includes(`\n${words.join(' ')}\n`),
      `${folder}/README.md does not have the command: ${words.join(' ')}`,
    )
  }
}

/** Installs an example, and tests it with its server store and with the sealed cookie. */
async function prove(example, screenshots) {
  let folder
  let redis
  await steps.run(`${example.name}: the installation works`, async () => {
    folder = await install(example)
    if (example.needsRedis) redis = await startRedis()
  })
  if (!folder) return
  if (example.folder === example.name) {
    await steps.run(`${example.name}: its README has the commands`, () => saidInReadme(example))
  }
  for (const sealed of example.sealed) await proveWith(example, { folder, redis, sealed, screenshots })
  await redis?.stop()
}

async function proveWith(example, { folder, redis, sealed, screenshots }) {
  const name = `${example.name}, ${sealed ? example.sealedIn : example.keptIn}`
  const server = await start(example, { folder, redis, sealed })
  const shoot = async (visitor, what) => {
    const path = join(screenshots, `${example.name}-${sealed ? 'cookie' : 'server'}-${what}.png`)
    await visitor.page.screenshot({ path, fullPage: true })
    return path
  }
  const step = (what, prove, visitor) => {
    const look = async () => {
      const path = visitor ? `the page: ${await shoot(visitor, `failed-${steps.failed}`)}\n` : ''
      return `${path}${example.name} printed:\n${server.output}`
    }
    return steps.run(`${name}: ${what}`, prove, look)
  }
  try {
    let answers = false
    await step('is started', async () => {
      await server.answers()
      answers = true
    })
    if (!answers) return
    await example.flow({ server, browser, sealed, keptIn: example.keptIn, lists: example.lists, step, shoot })
    for (const [what, proof] of Object.entries(example.also ?? {})) await step(what, () => proof(server))
  } finally {
    await server.stop()
  }
}

/** Starts the example on a free port, as its README says. */
async function start(example, { folder, redis, sealed }) {
  const [port] = await freePorts(1)
  const secret = randomBytes(32).toString('base64')
  const variables = {
    ...example.variables,
    ...(sealed ? { STORE: 'cookie' } : {}),
    ...(sealed || example.needsSecret ? { SECRET: secret } : {}),
  }
  const { command, env } = example.start(port, variables)
  const more = { ...env, ...(redis ? { REDIS_URL: `redis://127.0.0.1:${redis.port}` } : {}) }
  return new Program(example.name, command, { cwd: folder, env: environment(example, more), port })
}
