// Whatever an app reuses from one answer to the next: nothing of one visitor reaches another, and nothing of it is written to.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Face, faces } from '../support/faces.js'
import { type Served, serve } from '../support/serve.js'
import { arrangements, reusing } from './app.js'
import { look, owned } from './owned.js'

beforeEach(() => {
  // The failures that some of these answers stand for.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** A request's answer, as far as it is compared. */
interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A visitor with the cookies that they were sent. */
class Visitor {
  readonly name: string
  readonly #served: Served
  readonly #face: Face
  /** Every value of the session's cookie that this visitor was sent. */
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

/** The same app without any session: how its answers look. */
const none: Face = {
  name: 'none',
  cookie: 'none',
  middleware: () => (_c, next) => next(),
  login: () => {},
  renew: () => {},
  who: () => undefined,
  logout: () => {},
}

/** What a session may change in a head, and what says only whether the body is sent in one piece. */
const ITS_OWN = new Set(['set-cookie', 'vary', 'cache-control', 'date', 'content-length', 'transfer-encoding'])
const spelled = (value: string | null) => value?.replaceAll(/\s/g, '')

/** What is wrong with an answer, in place of the one without a session. */
function harm(given: Answered, control: Answered): string[] {
  const wrong: string[] = []
  if (given.status !== control.status) wrong.push(`a status of ${given.status} instead of ${control.status}`)
  if (given.text !== control.text) wrong.push(`the text ${given.text} instead of ${control.text}`)
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

/** Who comes, one after the other; the last has no session. */
const VISITS = ['ann', 'bob', 'carol', 'bob', 'ann'] as const

/** Lets the visitors ask for everything that an app has, and tells what is to be seen of each answer. */
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

/** The sort of answer that a visit asked for. */
const sortOf = (where: string) => where.split(',')[0] ?? ''

for (const face of faces) {
  describe(face.name, () => {
    test.each(Object.keys(arrangements))('h1_no_canary_crosses_and_nothing_is_written_to (%s)', async (arrangement) => {
      const control = new Map<string, Answered>()
      const without = await visits(
        none,
        arrangement,
        (where, _visitor, _others, answer) => control.set(where, answer),
        () => true,
      )
      // What cannot be served twice even without a session, and what fails only with one.
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
        // What cannot be served at all loses its cookie too.
        (where) => !unserved.has(sortOf(where)) || sortOf(where) === 'store-down',
      )
      expect(wrong).toEqual([])
      expect(who).toEqual(['ann', 'bob', 'nobody'])
      // Hono itself may write to an answer whose body was read before, which only Node's adapter serves again.
      expect([without.before, without.after]).toContainEqual(after)
    })
  })
}
