// The example of docs/log-out-everywhere.md works as the page says, and the page shows it
// unchanged.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Browser } from './support/browser.js'

const here = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'okibi-devices-'))
process.chdir(folder)
afterAll(() => {
  process.chdir(here)
  rmSync(folder, { recursive: true })
})

type Device = { handle: string; current: boolean; label: string; created: string; lastActive: string }

test('n25_a_user_sees_their_devices_and_revokes_one_the_others_or_all', async () => {
  const { default: app } = await import('./readme/devices.js')
  const login = async (user: string) => {
    const browser = new Browser(app)
    await browser.text(`/login/${user}`, { method: 'POST', headers: { 'user-agent': 'a phone' } })
    return browser
  }
  const post = (browser: Browser, path: string) => browser.fetch(path, { method: 'POST' })
  const list = async (browser: Browser) => (await (await browser.fetch('/devices')).json()) as Device[]
  const [phone, laptop, tablet, ben] = [await login('ann'), await login('ann'), await login('ann'), await login('ben')]
  const devices = await list(phone)
  expect(devices.map(({ current }) => current).sort()).toEqual([false, false, true])
  expect(devices.every(({ label, created, lastActive }) => label === 'a phone' && created <= lastActive)).toBe(true)
  const mine = (await list(laptop)).find(({ current }) => current)?.handle
  expect((await post(ben, `/devices/${mine}/revoke`)).status).toBe(404)
  expect((await post(phone, `/devices/${mine}/revoke`)).status).toBe(200)
  expect(await list(laptop)).toEqual([])
  expect(await (await post(phone, '/devices/revoke-others')).text()).toBe('1 revoked')
  expect(await list(tablet)).toEqual([])
  expect(await (await post(ben, '/admin/ann/revoke-all')).text()).toBe('1 revoked')
  expect(await list(phone)).toEqual([])
  expect(await list(ben)).toHaveLength(1)
})

test('n47_no_user_agent_header_makes_a_login_fail', async () => {
  const { default: app } = await import('./readme/devices.js')
  const long = 'Mozilla/5.0 '.repeat(30)
  for (const [agent, label] of [
    [long, long.slice(0, 256)],
    ['', undefined],
    ['\xe9'.repeat(200), '\xe9'.repeat(128)],
    [undefined, 'unknown device'],
  ]) {
    const browser = new Browser(app)
    const headers = agent === undefined ? {} : { 'user-agent': agent }
    expect((await browser.fetch('/login/cat', { method: 'POST', headers })).status).toBe(200)
    const devices = (await (await browser.fetch('/devices')).json()) as Device[]
    expect(devices.find(({ current }) => current)?.label).toBe(label)
  }
})

test('the page shows the example unchanged', () => {
  const [, ...lines] = readFileSync(new URL('./readme/devices.ts', import.meta.url), 'utf8').split('\n')
  const page = readFileSync(new URL('../../../docs/log-out-everywhere.md', import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`ts [src/app.ts]\n${lines.join('\n')}\`\`\`\n`)
})
