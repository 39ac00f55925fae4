// Random apps against a plain oracle: the values that each request sees, the cookies that each
// visitor gets, and the app's own objects, which stay unchanged.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { appOf, REQUEST, type Seen } from './random/app.js'
import { Oracle } from './random/oracle.js'
import { type AppPlan, planOf, Random, visitsOf } from './random/plan.js'
import { look, owned } from './reuse/owned.js'

const env = globalThis.process?.env ?? {}
/** The number of apps. A run by hand can make more. */
const APPS = Number(env.OKIBI_RANDOM_APPS ?? 60)
const FIRST_SEED = Number(env.OKIBI_RANDOM_SEED ?? 1)
/** The number of visits of each visitor to each app. */
const VISITS = 25

beforeEach(() => {
  // The plans cause these failures.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The cookies of a visitor, and all that the visitor ever got. */
class Jar {
  readonly cookies: Map<string, string> = new Map<string, string>()
  readonly canaries: Set<string> = new Set<string>()

  keep(answer: Response): string | undefined {
    const cookies = answer.headers.getSetCookie().filter((cookie) => cookie.startsWith('__Host-'))
    const names = cookies.map((cookie) => cookie.split('=', 1)[0] ?? '')
    for (const [at, cookie] of cookies.entries()) {
      const name = names[at] ?? ''
      const value = cookie.slice(name.length + 1).split(';', 1)[0] ?? ''
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
      if (value.length > 10) this.canaries.add(value)
    }
    return new Set(names).size === names.length ? undefined : `two cookies of one name: ${names.join(', ')}`
  }

  get header(): string {
    return [...this.cookies].map((cookie) => cookie.join('=')).join('; ')
  }
}

/** Runs the visits of an app concurrently, and returns the first finding. */
async function run(plan: AppPlan): Promise<string[]> {
  const wrong: string[] = []
  const own = owned()
  const before = look(own)
  const seen = new Map<string, Seen>()
  const late: Promise<void>[] = []
  const app = appOf(plan, own, seen, late)
  const jars = { ann: new Jar(), bob: new Jar(), carol: new Jar() }
  const visitor = async (name: keyof typeof jars, random: Random): Promise<void> => {
    const oracle = new Oracle()
    for (const [at, visit] of visitsOf(random, plan.routes.length, VISITS).entries()) {
      const number = `${name} ${at}`
      const route = plan.routes[visit.route]
      const jar = jars[name]
      if (!route || wrong.length > 0) return
      const where = `seed ${plan.seed} (${plan.kind}, ${plan.around}), ${number}, ${visit.method} ${JSON.stringify(route)}`
      const isLive = jar.cookies.has('__Host-session')
      const headers = { [REQUEST]: number, cookie: jar.header }
      const answer = await app.request(route.path, { method: visit.method, headers })
      const text = [...answer.headers].join('\n') + (await answer.text())
      const twice = jar.keep(answer)
      if (twice) wrong.push(`${where}: ${twice}`)
      for (const [other, { canaries }] of Object.entries(jars)) {
        if (other !== name && [...canaries].some((canary) => text.includes(canary)))
          wrong.push(`${where}: ${other}'s cookie`)
      }
      const expected = JSON.stringify(oracle.visit(route, visit, number, isLive))
      const found = JSON.stringify(seen.get(number))
      if (found !== expected) wrong.push(`${where}: saw ${found} instead of ${expected}`)
    }
  }
  await Promise.all(
    Object.keys(jars).map((name, at) => visitor(name as keyof typeof jars, new Random(plan.seed * 3 + at))),
  )
  /** Two concurrent requests of one visitor take the same value. Each reads or changes it first. */
  const duel = async (name: keyof typeof jars, random: Random): Promise<void> => {
    const jar = jars[name]
    const send = async (path: string, number: string) => {
      return await app.request(path, { headers: { [REQUEST]: number, cookie: jar.header } })
    }
    jar.keep(await send('/voucher', `${name} voucher`))
    const path = `/duel/${random.of(['read', 'in place', 'update'])}/${random.of([200, 500])}`
    await Promise.all(['one', 'other'].map((which) => send(path, `${name} ${which}`)))
    await send('/duel/read/200', `${name} last`)
    const took = ['one', 'other', 'last'].map((which) => seen.get(`${name} ${which}`)?.[0])
    if (took.filter((value) => value !== null).length !== 1) {
      wrong.push(`seed ${plan.seed}, ${path}: took ${JSON.stringify(took)}`)
    }
  }
  if (wrong.length === 0 && (plan.kind === 'stored' || plan.kind === 'signed')) {
    const all = Object.keys(jars).map((name, at) => duel(name as keyof typeof jars, new Random(plan.seed * 3 + at)))
    await Promise.all(all)
  }
  for (const done of await Promise.allSettled(late)) {
    if (done.status === 'rejected') wrong.push(`seed ${plan.seed}: after the answer: ${done.reason}`)
  }
  if (JSON.stringify(look(own)) !== JSON.stringify(before))
    wrong.push(`seed ${plan.seed}: an object of the app was changed`)
  return wrong
}

test(`random_apps_agree_with_a_plain_oracle (${APPS} from seed ${FIRST_SEED})`, { timeout: 0 }, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + APPS; seed += 1) expect(await run(planOf(seed))).toEqual([])
})
