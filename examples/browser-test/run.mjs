// Tests in Chromium that both demo servers share one session, with each store.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium, launch } from './browser.mjs'
import { cookies } from './flows/cookies.mjs'
import { login } from './flows/login.mjs'
import { look } from './flows/look.mjs'
import { sealed } from './flows/sealed.mjs'
import { stored } from './flows/stored.mjs'
import { visits } from './flows/visits.mjs'
import { startBoth } from './servers.mjs'
import { Steps } from './steps.mjs'

const steps = new Steps()
const chromium = findChromium()
if (chromium) {
  await run(chromium)
} else if (process.env.CI === 'true') {
  throw new Error('chromium: not found, install it or set OKIBI_CHROMIUM')
} else {
  console.log('skipped: no Chromium found, install it or set OKIBI_CHROMIUM')
}
console.log(`${steps.passed} passed, ${steps.failed} failed`)
process.exitCode = steps.failed === 0 ? 0 : 1

async function run(chromium) {
  const keep = process.env.OKIBI_SCREENSHOTS
  const screenshots = keep ?? (await mkdtemp(join(tmpdir(), 'okibi-screenshots-')))
  const browser = await launch(chromium)
  console.log(`Chromium ${browser.version}`)
  try {
    for (const store of ['sqlite', 'cookie']) await runWith(store, browser, screenshots)
  } finally {
    await browser.close()
    if (!keep) await rm(screenshots, { recursive: true, force: true })
  }
}

/** All tests with one store: those of both stores, then those of this one. */
async function runWith(store, browser, screenshots) {
  let running
  await steps.run(`${store}: both servers start`, async () => {
    running = await startBoth(store)
  })
  if (!running) return
  const [axum, hono] = running.servers
  const scene = {
    axum,
    hono,
    both: [axum, hono],
    bothWays: [
      [axum, hono],
      [hono, axum],
    ],
    store,
    browser,
    screenshots,
    step: (name, prove) => steps.run(`${store}: ${name}`, prove),
  }
  try {
    for (const flow of [visits, login, cookies, store === 'cookie' ? sealed : stored, look]) await flow(scene)
  } finally {
    await steps.run(`${store}: both servers end with their standard input`, async () => {
      const codes = await running.stop()
      if (codes.some((code) => code !== 0)) {
        throw new Error(`axum: ${codes[0]}, Hono: ${codes[1]}\n${axum.output}\n${hono.output}`)
      }
    })
  }
}
