// A visitor of a consumer's server: comes, comes again, looks, and opens a WebSocket.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect } from 'vitest'

/** What the client of the package `ws` has of what is used here. */
interface Socket {
  on(event: 'upgrade', listener: (response: { headers: Record<string, unknown> }) => void): void
  on(event: 'unexpected-response', listener: (request: unknown, response: { statusCode: number }) => void): void
  on(event: 'message', listener: (data: unknown) => void): void
  on(event: 'open' | 'close', listener: () => void): void
  on(event: 'error', listener: (error: Error) => void): void
  send(text: string): void
  close(): void
}

const tools = createRequire(join(import.meta.dirname, '../../runtimes/package.json'))
const WebSocket = tools('ws') as new (url: string, options: { headers: Record<string, string> }) => Socket

async function get(url: string, path: string, cookie = ''): Promise<{ text: string; cookie: string | undefined }> {
  const response = await fetch(new URL(path, url), { headers: cookie ? { cookie } : {} })
  const text = await response.text()
  expect([path, response.status, response.status === 200 ? '' : text]).toEqual([path, 200, ''])
  const cookies = response.headers.getSetCookie()
  expect(cookies.length).toBeLessThanOrEqual(1)
  return { text, cookie: cookies[0]?.split(';')[0] }
}

/** A session is made, changed and read again, in a store and in a sealed cookie. */
export async function keepsSessions(url: string): Promise<void> {
  for (const kind of ['memory', 'sealed']) {
    const first = await get(url, `/${kind}/add`)
    expect([kind, first.text, first.cookie?.split('=')[0]]).toEqual([kind, '1', '__Host-session'])
    const second = await get(url, `/${kind}/add`, first.cookie)
    expect([kind, second.text]).toEqual([kind, '2'])
    const third = await get(url, `/${kind}/read`, second.cookie ?? first.cookie)
    expect([kind, third]).toEqual([kind, { text: '2', cookie: undefined }])
    expect([kind, await get(url, `/${kind}/read`)]).toEqual([kind, { text: 'none', cookie: undefined }])
  }
}

/** On Workers no request waits for what another began: two write one session at the same time, and both are answered. */
export async function writesConcurrently(url: string): Promise<void> {
  const { cookie = '' } = await get(url, '/slow/add')
  expect((await get(url, '/together')).text).toBe('1')
  const answers = await Promise.all([get(url, '/slow/add', cookie), get(url, '/slow/add', cookie)])
  expect(answers.map(({ text }) => text)).toEqual(['2', '2'])
  expect((await get(url, '/together')).text).toBe('2')
}

/** N18: an upgrade goes through as it is, and the session can be used in it as far as it needs no cookie. */
export async function upgrades(url: string): Promise<void> {
  const { cookie = '' } = await get(url, '/memory/add')
  const { headers, text } = await talk(new URL('/memory/socket', url.replace('http', 'ws')).href, cookie)
  expect([headers['set-cookie'], headers.vary, headers['cache-control']]).toEqual([undefined, undefined, undefined])
  expect(text).toBe('hello 2')
  expect((await get(url, '/memory/read', cookie)).text).toBe('2')
  await expect(talk(new URL('/memory/socket', url.replace('http', 'ws')).href, '')).rejects.toThrow('answered 500')
}

/** Opens a WebSocket, says one thing, and returns the answer and the head of the upgrade. */
function talk(url: string, cookie: string): Promise<{ headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {}
    let text = ''
    const socket = new WebSocket(url, { headers: cookie ? { cookie } : {} })
    socket.on('upgrade', (response) => {
      headers = response.headers
    })
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (data) => {
      text = String(data)
      socket.close()
    })
    socket.on('close', () => resolve({ headers, text }))
    socket.on('unexpected-response', (_request, { statusCode }) => {
      reject(new Error(`${url} answered ${statusCode}`))
    })
    socket.on('error', reject)
  })
}
