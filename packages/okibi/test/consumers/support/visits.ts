// A visitor of a consumer's server: makes a session, changes and reads it, and opens a WebSocket.
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect } from 'vitest'

/** The part of the client of the package `ws` that is used here. */
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

async function visit(url: string, path: string, cookie = ''): Promise<{ text: string; cookies: string[] }> {
  const response = await fetch(new URL(path, url), { headers: cookie ? { cookie } : {} })
  const text = await response.text()
  expect([path, response.status, response.status === 200 ? '' : text]).toEqual([path, 200, ''])
  return { text, cookies: response.headers.getSetCookie() }
}

async function get(url: string, path: string, cookie?: string): Promise<{ text: string; cookie: string | undefined }> {
  const { text, cookies } = await visit(url, path, cookie)
  expect(cookies.length).toBeLessThanOrEqual(1)
  return { text, cookie: cookies[0]?.split(';')[0] }
}

/** Makes, changes and reads a session, in a store and in a sealed cookie. */
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

/** Expects okibi to adopt a session of the older package, and a logout to be final. */
export async function takesOver(url: string): Promise<void> {
  for (const kind of ['memory', 'sealed']) {
    const { text, cookie = '' } = await get(url, `/before/${kind}/add`)
    expect([kind, text, cookie.split('=')[0]]).toEqual([kind, '1', 'session'])
    const moved = await visit(url, `/after/${kind}/add`, cookie)
    expect([kind, moved.text]).toEqual([kind, '2'])
    const [removed, sent = ''] = moved.cookies.sort((one, other) => other.localeCompare(one))
    expect([kind, removed, sent.split('=')[0]]).toEqual([
      kind,
      expect.stringMatching(/^session=;.* Max-Age=0/),
      '__Host-session',
    ])
    const own = sent.split(';')[0]
    expect([kind, await get(url, `/after/${kind}/read`, own)]).toEqual([kind, { text: '2', cookie: undefined }])
    expect([kind, (await get(url, `/after/${kind}/logout`, own)).text]).toEqual([kind, 'logged out'])
    // A copy of a sealed cookie opens until the date of `until`. With a store, nothing opens.
    if (kind === 'memory') expect((await get(url, `/after/${kind}/read`, cookie)).text).toBe('none')
  }
}

/**
 * Expects two concurrent writes of one session to be answered. On Workers no request waits for
 * another.
 */
export async function writesConcurrently(url: string): Promise<void> {
  const { cookie = '' } = await get(url, '/slow/add')
  expect((await get(url, '/together')).text).toBe('1')
  const answers = await Promise.all([get(url, '/slow/add', cookie), get(url, '/slow/add', cookie)])
  expect(answers.map(({ text }) => text)).toEqual(['2', '2'])
  expect((await get(url, '/together')).text).toBe('2')
}

/**
 * Expects an upgrade to be returned unchanged. A change that needs no cookie is kept, any other is
 * refused. An answer that is not an upgrade has its headers, whatever the request's headers are.
 */
export async function upgrades(url: string): Promise<void> {
  const socket = (path: string, cookie = '') => talk(new URL(path, url.replace('http', 'ws')).href, cookie)
  const seen = async (path: string, cookie: string) => {
    const { headers, text } = await socket(path, cookie)
    // Node's adapter alone sends the headers with the 101. There a cookie may be removed, but not
    // set.
    expect(String(headers['set-cookie'] ?? 'Max-Age=0')).toContain('Max-Age=0')
    return text
  }
  const { cookie = '' } = await get(url, '/memory/add')
  expect(await seen('/memory/socket', cookie)).toBe('hello 2')
  expect((await get(url, '/memory/read', cookie)).text).toBe('2')
  await expect(socket('/memory/socket')).rejects.toThrow('answered 500')
  expect(await seen('/memory/bye', cookie)).toBe('hello undefined')
  expect((await get(url, '/memory/read', cookie)).text).toBe('none')

  const { cookie: sealed = '' } = await get(url, '/sealed/add')
  expect(await seen('/sealed/look', sealed)).toBe('hello 1')
  for (const path of ['/sealed/socket', '/sealed/bye']) {
    await expect(socket(path, sealed)).rejects.toThrow('answered 500')
  }
  expect((await get(url, '/sealed/read', sealed)).text).toBe('1')

  for (const kind of ['memory', 'sealed']) {
    const { status, headers, text } = await ordinary(new URL(`/${kind}/add`, url))
    expect([kind, status, text, headers.vary, headers['cache-control']]).toEqual([kind, 200, '1', 'Cookie', 'no-store'])
    const made = String(headers['set-cookie']).split(';')[0]
    expect((await get(url, `/${kind}/read`, made)).text).toBe('1')
  }
}

/**
 * A GET that offers an upgrade and starts none, as some proxies send. `fetch` sends no such header.
 */
async function ordinary(url: URL): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  const sent = request(url, { headers: { upgrade: 'websocket' }, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return { status: answer.statusCode ?? 0, headers: answer.headers, text }
}

/** Opens a WebSocket, sends one message, and returns the answer and the headers of the upgrade. */
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
