// Which requests count as failed. Of a failed request only a destroy takes effect.
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { timeout } from 'hono/timeout'
import { describe, expect, test } from 'vitest'
import { type Session, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'

type Data = { n: number; half: boolean; notice: string }
type App = Hono<SessionEnv<Data>>

function make(options: Partial<SessionOptions> = {}, inside?: (app: App) => void): Browser {
  const app: App = new Hono()
  app.use(sessions<Data>({ store: memoryStore(), ...options } as SessionOptions))
  inside?.(app)
  app.get('/n', (c) => c.json([c.get('session').get('n') ?? 0, c.get('session').get('half') ?? false]))
  app.get('/status/:status', (c) => {
    c.get('session').update('n', (n = 0) => n + 1)
    return c.newResponse('text', Number(c.req.param('status')) as 200)
  })
  app.get('/flash', (c) => {
    c.get('session').flash('notice', 'hello')
    return c.text('set')
  })
  app.get('/show', (c) => {
    const notice = c.get('session').get('notice') ?? 'none'
    c.header('X-Notice', notice)
    return c.text(notice)
  })
  return new Browser(app)
}

async function kept(ann: Browser): Promise<unknown> {
  return JSON.parse(await ann.text('/n'))
}

test('n54_5xx_408_and_499_have_failed_and_nothing_else', async () => {
  const ann = make()
  let expected = 0
  for (const status of [200, 201, 303, 400, 404, 407, 408, 409, 429, 498, 499, 500, 503, 504, 599]) {
    if (![408, 499].includes(status) && status < 500) expected += 1
    const response = await ann.fetch(`/status/${status}`)
    expect(response.status).toBe(status)
    expect(await kept(ann), String(status)).toEqual([expected, false])
  }
})

test.each([{}, { commitFailedRequests: true }, { failedWhen: () => false }])(
  'n54_a_network_error_is_a_failed_request_because_it_cannot_have_a_cookie (%j)',
  async (options) => {
    const ann = make(options, (app) => {
      app.get('/error', (c) => {
        c.get('session').update('n', (n = 0) => n + 1)
        return Response.error()
      })
    })
    // A new visitor too: without a cookie no later request could open the session.
    expect((await ann.fetch('/error')).status).toBe(0)
    expect(await kept(ann)).toEqual([0, false])
    await ann.text('/status/200')
    expect((await ann.fetch('/error')).status).toBe(0)
    expect(await kept(ann)).toEqual([1, false])
  },
)

describe.each([408, 503, 504])('a timeout that answers %i', (status) => {
  test('n54_no_change_of_a_handler_that_timed_out_is_kept', async () => {
    let goOn = () => {}
    let ended: Promise<void> = Promise.resolve()
    let late: unknown
    const ann = make({}, (app) => {
      app.use('/slow', timeout(20, new HTTPException(status as 408, { message: 'too slow' })))
      app.get('/slow', async (c) => {
        c.get('session').set('half', true)
        c.get('session').update('n', (n = 0) => n + 1)
        ended = new Promise<void>((resolve) => {
          goOn = resolve
        }).then(() => {
          try {
            c.get('session').set('half', true)
          } catch (error) {
            late = error
          }
        })
        await ended
        return c.text('done')
      })
    })
    await ann.text('/status/200')
    const response = await ann.fetch('/slow')
    expect([response.status, response.headers.getSetCookie()]).toEqual([status, []])
    goOn()
    await ended
    // Later changes of the handler belong to no request.
    expect(late).toMatchObject({ code: 'headers_sent' })
    expect(await kept(ann)).toEqual([1, false])
  })
})

test('n54_the_app_decides_which_requests_have_failed', async () => {
  const ann = make({ failedWhen: (status) => status >= 400 })
  await ann.fetch('/status/404')
  expect(await kept(ann)).toEqual([0, false])
  await ann.fetch('/status/200')
  expect(await kept(ann)).toEqual([1, false])
  const ben = make({ failedWhen: () => false })
  await ben.fetch('/status/500')
  expect(await kept(ben)).toEqual([1, false])
  const cat = make({ commitFailedRequests: true })
  await cat.fetch('/status/408')
  expect(await kept(cat)).toEqual([1, false])
  expect(() => make({ failedWhen: 500 as never })).toThrow(expect.objectContaining({ code: 'config' }))
})

describe.each([{}, { secret: 'a secret of thirty-two bytes: no more', store: undefined }])('%o', (options) => {
  test('n58_head_consumes_nothing', async () => {
    const ann = make(options)
    await ann.text('/flash')
    for (let round = 0; round < 2; round += 1) {
      const head = await ann.fetch('/show', { method: 'HEAD' })
      expect([head.headers.get('X-Notice'), head.headers.getSetCookie(), await head.text()]).toEqual(['hello', [], ''])
    }
    expect([await ann.text('/show'), await ann.text('/show')]).toEqual(['hello', 'none'])
  })
})

test('an_update_function_that_changes_its_session_is_an_error', async () => {
  const ann = make({}, (app) => {
    app.get('/nested', (c) => {
      const session = c.get('session')
      const refused = expect.objectContaining({ code: 'update_changes' })
      session.update('n', (n = 0) => {
        expect(() => session.set('half', true)).toThrow(refused)
        expect(() => session.update('n', () => 5)).toThrow(refused)
        expect(() => session.destroy()).toThrow(refused)
        return n + 1
      })
      session.set('half', false)
      return c.text('ok')
    })
  })
  await ann.text('/nested')
  expect(await kept(ann)).toEqual([1, false])
})

test('a_handler_without_an_answer_is_an_error_and_not_an_empty_200', async () => {
  const ann = make({}, (app) => {
    app.get('/forgets', (async (c: { get(name: 'session'): Session<Data> }) => {
      c.get('session').set('half', true)
      await c.get('session').commit()
      c.get('session').set('n', 1)
    }) as never)
  })
  const answer = await ann.fetch('/forgets')
  expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
  // The earlier commit stays, and its cookie is sent.
  expect(await kept(ann)).toEqual([0, true])
})

test('n54_a_promise_from_failedWhen_is_an_error_and_not_taken_for_true', async () => {
  const ann = make({ failedWhen: (async () => false) as never })
  expect((await ann.fetch('/status/200')).status).toBe(500)
})
