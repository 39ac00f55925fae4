// Objects that an app reuses in several answers: no cookie of one visitor reaches another, and no
// object is changed.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Face, faces } from '../support/faces.js'
import { type Served, serve } from '../support/serve.js'
import { arrangements, reusing } from './app.js'
import { look, owned } from './owned.js'

beforeEach(() => {
  // Some of these answers cause failures on purpose.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The compared parts of an answer. */
interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A visitor with its cookies. */
class Visitor {
  readonly name: string
  readonly #served: Served
  readonly #face: Face
  /** All values of the session's cookie that this visitor got. */
  readonly canaries: Set<string> = new Set<string>()
  #cookie: string | undefined

  constructor(name: string, served: Served, face: Face) {
    this.name = name
    this.#served = served
    this.#face = face
  }

  async visit(path: string, init: RequestInit = {}): Promise<Answered> {
    const headers = new Headers(init.headers)
    if (this.#cookie !== undefined) headers.set('cookie', `${this.#face.cookie}=${this.#cookie}`)
    const answer = await this.#served.fetch(path, { ...init, headers })
    for (const value of this.sent(answer)) {
      this.#cookie = value === '' ? undefined : value
      if (value !== '') this.canaries.add(value)
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text().catch(String) }
  }

  /** The values of the session's cookie in an answer. */
  sent({ headers }: Pick<Answered, 'headers'>): string[] {
    const begin = `${this.#face.cookie}=`
    const cookies = headers.getSetCookie().filter((cookie) => cookie.startsWith(begin))
    return cookies.map((cookie) => cookie.slice(begin.length).split(';')[0] ?? '')
  }
}

/** The answers of the same app without a session. */
const none: Face = {
  name: 'none',
  cookie: 'none',
  middleware: () => (_c, next) => next(),
  login: () => {},
  renew: () => {},
  who: () => undefined,
  logout: () => {},
}

/** Headers that a session may change, and headers about the transfer of the body. */
const ITS_OWN = new Set(['set-cookie', 'vary', 'cache-control', 'date', 'content-length', 'transfer-encoding'])
const spelled = (value: string | null) => value?.replaceAll(/\s/g, '')

/** The findings in an answer, compared with the answer without a session. */
function harm(given: Answered, control: Answered): string[] {
  const wrong: string[] = []
  if (given.status !== control.status) wrong.push(`a status of ${given.status} instead of ${control.status}`)
  if (given.text !== control.text) wrong.push(`the body ${given.text} instead of ${control.text}`)
  for (const [name, value] of control.headers) {
    if (!ITS_OWN.has(name) && spelled(given.headers.get(name)) !== spelled(value))
      wrong.push(`${name}: ${given.headers.get(name)}`)
  }
  const cookies = given.headers.getSetCookie()
  for (const cookie of control.headers.getSetCookie()) if (!cookies.includes(cookie)) wrong.push(`no cookie ${cookie}`)
  const vary = given.headers.get('vary') ?? ''
  if (!vary.startsWith(control.headers.get('vary') ?? '')) wrong.push(`a Vary of ${vary}`)
  return wrong
}

/** The visitors, in order. The last one has no session. */
const VISITS = ['ann', 'bob', 'carol', 'bob', 'ann'] as const

/** Makes all requests of the visitors to an app, and returns the findings. */
async function visits(
  face: Face,
  arrangement: string,
  see: (where: string, visitor: Visitor, others: Visitor[], answer: Answered) => void,
  renews: (where: string) => boolean,
): Promise<{ who: string[]; before: unknown; after: unknown }> {
  const own = owned()
  const before = look(own)
  const down = { now: false }
  const { app, sorts } = reusing(face, arrangements[arrangement] as (typeof arrangements)[string], own, down)
  const served = await serve(app)
  try {
    const all = { ann: new Visitor('ann', served, face), bob: new Visitor('bob', served, face) }
    const visitors = { ...all, carol: new Visitor('carol', served, face) }
    for (const name of ['ann', 'bob'] as const) await visitors[name].visit(`/login/${name}`)
    for (const sort of sorts) {
      for (const [turn, name] of VISITS.entries()) {
        const where = `${sort}, ${name}, ${turn}`
        const query = name !== 'carol' && renews(where) ? '?renew=1' : ''
        const answer = await visitors[name].visit(`/${sort}${query}`, { method: name === 'carol' ? 'HEAD' : 'GET' })
        down.now = false
        const others = Object.values(all).filter((other) => other.name !== name)
        see(where, visitors[name], others, answer)
      }
    }
    const who = []
    for (const visitor of Object.values(visitors)) who.push((await visitor.visit('/who')).text)
    return { who, before, after: look(own) }
  } finally {
    await served.stop()
  }
}

/** The kind of answer of a visit. */
const sortOf = (where: string) => where.split(',')[0] ?? ''

for (const face of faces) {
  describe(face.name, () => {
    test.each(Object.keys(arrangements))(
      'h1_no_cookie_reaches_another_visitor_and_no_object_of_the_app_is_changed (%s)',
      async (arrangement) => {
        const control = new Map<string, Answered>()
        const without = await visits(
          none,
          arrangement,
          (where, _visitor, _others, answer) => control.set(where, answer),
          () => true,
        )
        // Answers that cannot be served twice without a session, or fail only with one.
        const unserved = new Set(['store-down'])
        for (const [where, { status }] of control) if (status >= 500) unserved.add(sortOf(where))
        const wrong: string[] = []
        const { who, after } = await visits(
          face,
          arrangement,
          (where, visitor, others, answer) => {
            const everything = [...answer.headers].join('\n') + answer.text
            for (const other of others) {
              const crossed = [...other.canaries].filter((canary) => everything.includes(canary))
              if (crossed.length > 0) wrong.push(`${where}: a cookie of ${other.name}`)
            }
            const most = visitor.name === 'carol' ? 0 : 1
            if (visitor.sent(answer).length > most) wrong.push(`${where}: ${visitor.sent(answer).length} cookies`)
            if (unserved.has(sortOf(where))) return
            for (const what of harm(answer, control.get(where) as Answered)) wrong.push(`${where}: ${what}`)
          },
          // An answer that cannot be served loses its cookie too.
          (where) => !unserved.has(sortOf(where)) || sortOf(where) === 'store-down',
        )
        expect(wrong).toEqual([])
        expect(who).toEqual(['ann', 'bob', 'anonymous'])
        // Hono may write to an answer with a used body, which only Node's adapter serves again.
        expect([without.before, without.after]).toContainEqual(after)
      },
    )
  })
}
