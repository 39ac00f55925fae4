// Take of a value that the same request changes, and update functions that fail or call commit.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { type Json, type OkibiError, type Session, type SessionEnv, StoreError, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { shuffled, Watched } from './support/stores.js'

type Data = Record<string, Json>
type Step = (session: Session<Data>, twin: Browser) => unknown

/** A browser with functions as requests. A function that returns `undefined` fails its request. */
function visitor(store = shuffled(memoryStore())) {
  let step: Step = () => {}
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store }))
  app.get('/', async (c) => {
    const answer = await step(c.get('session'), ann.twin())
    return c.json(answer ?? null, answer === 'fail' ? 500 : 200)
  })
  app.get('/fifty', (c) => c.text(String(c.get('session').set('n', 50))))
  const ann = new Browser(app)
  return async (next: Step): Promise<unknown> => {
    step = next
    return (await ann.fetch('/')).json()
  }
}

const codeOf = (task: Promise<unknown>) => task.then(String, (error: OkibiError) => error.code)

const later: Record<string, (session: Session<Data>) => unknown> = {
  set: (session) => session.set('n', 2),
  flash: (session) => session.flash('n', 2),
  'destroy, set': (session) => {
    session.destroy()
    session.set('n', 2)
  },
  update: (session) => session.update('n', (n) => Number(n ?? 0) + 10),
  'set, changed in place': (session) => {
    session.set('n', [1])
    ;(session.get('n') as number[]).push(2)
  },
  nothing: () => {},
}
const left: Record<string, Json> = { update: 10, 'set, changed in place': [1, 2], nothing: null }

test.each(Object.keys(later))('a_change_after_the_call_of_take_is_committed (%s)', async (how) => {
  for (const before of ['nothing', 'update', 'commit', 'set and commit', 'set']) {
    const does = visitor()
    await does((session) => session.set('n', 1))
    const taken = await does(async (session) => {
      if (before === 'update') session.update('n', (n) => Number(n) + 100)
      if (before === 'commit') session.set('other', 1)
      if (before.startsWith('set')) session.set('n', 5)
      const committing = before.endsWith('commit') ? session.commit() : undefined
      const taking = session.take('n')
      later[how]?.(session)
      await committing
      return taking
    })
    expect(taken, before).toBe({ update: 101, set: 5, 'set and commit': 5 }[before] ?? 1)
    expect(await does((session) => session.get('n')), before).toEqual(left[how] === undefined ? 2 : left[how])
  }
})

test('two_concurrent_takes_get_the_stored_value_and_the_one_set_between_them', async () => {
  const does = visitor()
  await does((session) => session.set('n', 1))
  const taken = await does(async (session) => {
    session.update('n', (n) => Number(n) + 100)
    const first = session.take('n')
    session.set('n', 2)
    return [await Promise.all([first, session.take('n')]), (await session.take('n')) ?? 'gone']
  })
  expect(taken).toEqual([[101, 2], 'gone'])
  expect(await does((session) => session.has('n'))).toBe(false)
})

test('a_mutation_during_a_take_does_not_restore_the_value', async () => {
  const does = visitor()
  await does((session) => session.set('cart', [1]))
  const taken = await does(async (session) => {
    const cart = session.get('cart') as number[]
    const taking = session.take('cart')
    cart.push(2)
    session.report()
    session.set('other', 1)
    return taking
  })
  expect(taken).toEqual([1, 2])
  expect(await does((session) => session.names())).toEqual(['other'])
})

test.each(['commit', 'take'] as const)(
  'a_%s_in_the_function_of_an_update_is_update_changes_and_loses_nothing',
  async (how) => {
    const does = visitor(new Watched())
    await does((session) => session.set('n', 0))
    const codes = await does(async (session, twin) => {
      session.set('own', 1)
      await twin.text('/fifty')
      const codes: Promise<string>[] = []
      session.update('n', (n) => {
        codes.push(codeOf(how === 'commit' ? session.commit() : session.take('own')))
        return Number(n) + 1
      })
      return Promise.all(codes)
    })
    expect(codes).toEqual(['update_changes'])
    expect(await does((session) => [session.get('n'), session.get('own')])).toEqual([51, 1])
  },
)

const fails: Record<string, (session: Session<Data>) => Json> = {
  throws: () => {
    throw new Error('on purpose')
  },
  'returns what is not JSON': () => 5n as never,
  'changes the session': (session) => {
    session.set('leak', 1)
    return 1
  },
}

test.each(Object.keys(fails))('a_value_stays_stored_if_its_update_%s_when_it_is_taken', async (how) => {
  for (const put of ['set', 'flash'] as const) {
    for (const end of ['pass', 'fail']) {
      const does = visitor()
      await does((session) => session[put]('n', { v: 1 }))
      await does(async (session) => {
        let runs = 0
        session.set('other', 1)
        session.update('n', (n) => (runs++ ? (fails[how]?.(session) as Json) : (n as Json)))
        expect(await codeOf(session.take('n'))).toBe('update_failed')
        return end
      })
      const seen = await does((session) => [session.names(), session.get('n'), session.has('n')])
      expect(seen).toEqual([end === 'fail' ? ['n'] : ['n', 'other'], { v: 1 }, put === 'set'])
    }
  }
})

test.each(['', 'set', 'remove'] as const)(
  'a_value_that_cannot_be_stored_again_is_stored_by_the_last_commit (then %s)',
  async (then) => {
    const store = new Watched()
    const does = visitor(store)
    await does((session) => session.set('n', { v: 1 }))
    await does(async (session) => {
      let runs = 0
      session.set('other', 1)
      session.update('n', (n) => {
        if (runs++) throw new Error('on purpose')
        return n as Json
      })
      let swaps = 0
      store.interfere = (call, _key, through) => {
        if (call === 'swap' && ++swaps === 2) throw new StoreError('unavailable', 'on purpose')
        return through()
      }
      const taking = codeOf(session.take('n'))
      if (then === 'set') session.set('n', 'new')
      if (then === 'remove') session.remove('n')
      expect(await taking).toBe('store_unavailable')
      store.interfere = undefined
    })
    const value = { '': { v: 1 }, set: 'new', remove: null }[then]
    expect(await does((session) => [session.get('n') ?? null, session.get('other')])).toEqual([value, 1])
  },
)
