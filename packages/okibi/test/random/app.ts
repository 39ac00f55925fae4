// The app of a plan: it runs the steps of the plan, and returns the values of its sessions.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { streamText } from 'hono/streaming'
import { type OkibiError, type Session, type Store, sessions } from '../../src/index.js'
import { memoryStore } from '../../src/stores/memory.js'
import type { owned } from '../reuse/owned.js'
import { shuffled } from '../support/stores.js'
import type { Answer, AppPlan, Route, Step } from './plan.js'

type Data = Record<string, unknown> & { n: number; list: string[] }

/** The values that a request saw, one for each step. */
export type Seen = unknown[]

/** The header with the number of a request. */
export const REQUEST = 'x-request'

const SECRET = 'a secret of thirty-two bytes: no more'
const of = (c: Context, name: string) => c.get(name as never) as Session<never> as unknown as Session<AnyOf>
type AnyOf = { [K in keyof Data & string]: never }

async function act(c: Context, { session: which, act, name }: Step, value: string): Promise<unknown> {
  const session = of(c, which)
  switch (act) {
    case 'set':
      return session.set(name, value as never)
    case 'flash':
      return session.flash(name, value as never)
    case 'count':
      return session.update(name, ((n: unknown) => (typeof n === 'number' ? n + 1 : 1)) as never)
    case 'push': {
      const list = session.get(name) as string[] | undefined
      if (list) list.push(value)
      else session.set(name, [value] as never)
      return
    }
    case 'remove':
      return session.remove(name)
    case 'get':
      return structuredClone(session.get(name) as unknown)
    case 'clear':
      return session.clear()
    case 'rotate':
      return session.rotate()
    case 'renew':
      return session.renewId()
    case 'destroy':
      return session.destroy()
    case 'commit':
      return session.commit()
    case 'take':
      return await session.take(name)
  }
}

function answerOf(c: Context, answer: Answer, own: ReturnType<typeof owned>): Response | Promise<Response> {
  switch (answer.kind) {
    case 'status':
      if (answer.status === 204 || answer.status === 304) return c.body(null, answer.status as never)
      return answer.status === 303 ? c.redirect('/elsewhere', 303) : c.text('answered', answer.status as never)
    case 'stream':
      return streamText(c, async (out) => void (await out.write('streamed')))
    case 'error':
      throw new Error('an error of the handler')
    case 'exception':
      throw new HTTPException(403, { res: own.answers.refused as Response })
    case 'missing':
      return c.notFound() as Response
    case 'reused':
      if (answer.name === 'headers') return new Response('x', { headers: own.headers.plain })
      if (answer.name === 'record') return c.text('x', 200, own.record)
      if (answer.name === 'clone') return (own.answers.cached as Response).clone()
      return own.answers[answer.name] as Response
  }
}

const arounds: Record<AppPlan['around'], MiddlewareHandler> = {
  nothing: (_c, next) => next(),
  'header before': (c, next) => {
    c.header('X-Before', '1')
    return next()
  },
  'header after': async (c, next) => {
    await next()
    c.header('X-After', '1')
  },
  'c.res before': (c, next) => {
    c.res.headers.set('X-Before', '1')
    return next()
  },
  logger: async (c, next) => {
    await next()
    c.res.headers.get('X-Own')
  },
}

/** Makes the app. `seen` has the values of each request, `late` the work after the answers. */
export function appOf(
  plan: AppPlan,
  own: ReturnType<typeof owned>,
  seen: Map<string, Seen>,
  late: Promise<void>[],
): Hono {
  const store: Store = shuffled(memoryStore(), plan.seed)
  const places = {
    stored: { store },
    signed: { store, secret: SECRET },
    sealed: { secret: SECRET },
    chunks: { secret: SECRET, chunks: 3 },
  } as const
  const both: MiddlewareHandler[] = [
    sessions({ ...places[plan.kind], onEvent: () => {} }) as never,
    sessions({ ...places[plan.kind], as: 'admin' }) as never,
  ]
  const handler =
    (route: Route) =>
    async (c: Context): Promise<Response> => {
      const number = c.req.header(REQUEST) ?? ''
      const saw: Seen = []
      seen.set(number, saw)
      for (const [at, step] of route.steps.entries()) saw.push(await act(c, step, `${number} ${at}`))
      if (route.late) late.push(afterwards(c))
      return answerOf(c, route.answer, own)
    }
  const inner = new Hono().use(...both)
  const app = new Hono().use(arounds[plan.around], ...both)
  for (const route of plan.routes) {
    if (route.counts) {
      app.use(route.path, async (c, next) => {
        const count = () =>
          of(c, 'session').update('outer', ((n: unknown) => (typeof n === 'number' ? n + 1 : 1)) as never)
        if (route.counts === 'before') count()
        await next()
        if (route.counts === 'after') count()
      })
    }
    if (route.mounted) inner.get(route.path.slice('/in'.length), handler(route))
    else app.get(route.path, handler(route))
  }
  app.get('/voucher', (c) => {
    of(c, 'session').set('voucher', ['once'] as never)
    return c.text('given')
  })
  app.get('/duel/:how/:status', async (c) => {
    const session = of(c, 'session')
    const how = c.req.param('how')
    if (how === 'in place') (session.get('voucher') as string[] | undefined)?.push('touched')
    if (how === 'update') session.update('voucher', ((voucher: unknown) => voucher ?? null) as never)
    seen.set(c.req.header(REQUEST) ?? '', [(await session.take('voucher')) ?? null])
    return c.text('taken', Number(c.req.param('status')) as 200)
  })
  for (const each of [app, inner]) {
    each.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.body(null, 500, own.record)))
    each.notFound(() => own.answers.missing as Response)
  }
  app.mount('/in', inner.fetch)
  return app
}

/** Work after the answer: it may read, and its changes are refused. */
async function afterwards(c: Context): Promise<void> {
  const session = of(c, 'session')
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    try {
      // Without the name nothing changes, but the call is checked.
      session.remove('no such name')
    } catch (error) {
      if ((error as OkibiError).code !== 'headers_sent') throw error
      session.names()
      return
    }
  }
  throw new Error('a change after the answer was accepted')
}
