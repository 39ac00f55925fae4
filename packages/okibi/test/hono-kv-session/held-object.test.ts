// The object that an app got from c.session.value and keeps while its session changes elsewhere.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { createSession, regenerateSession, renewSession, SessionManager } from '../../src/hono-kv-session/index.js'
import { Browser } from '../support/browser.js'
import { memoryDenoKv } from '../support/memory-deno-kv.js'

type Cart = { items: number[] }

/** A visitor whose cart holds 1, and an app in which another request changes the stored cart before a commit. */
async function visit(
  handle: (c: {
    readonly cart: Cart
    now(): Cart
    assign(value: Cart): void
    /** Another request of the visitor stores this. */
    elsewhere(items: number[]): Promise<void>
    renew(): Promise<unknown>
    regenerate(): Promise<unknown>
    begin(items: number[]): Promise<unknown>
  }) => Promise<void>,
) {
  // No activity is written down twice within a short time, so each request comes some minutes after the one before.
  let now = Date.now()
  const kv = memoryDenoKv()
  const app = new Hono()
  app.use((c, next) => {
    now += 400_000
    c.kv = kv
    c.kvType = 'denokv'
    return next()
  })
  app.use(SessionManager({ ttl: 3600, clock: () => now }))
  app.onError((error, c) => c.text(error.message, 500))
  app.post('/begin', async (c) => c.text(await createSession(c, { items: [1] })))
  app.post('/store', async (c) => {
    c.session.value = { items: await c.req.json() }
    return c.json(await renewSession(c))
  })
  app.get('/cart', (c) => c.json((c.session.value as Cart | null)?.items ?? null))
  const ann = new Browser(app)
  app.post('/change', async (c) => {
    await handle({
      cart: c.session.value as Cart,
      now: () => c.session.value as Cart,
      assign: (value) => {
        c.session.value = value
      },
      elsewhere: async (items) => {
        await ann.twin().text('/store', { method: 'POST', body: JSON.stringify(items) })
      },
      renew: () => renewSession(c),
      regenerate: () => regenerateSession(c),
      begin: (items) => createSession(c, { items }),
    })
    return c.text('changed')
  })
  await ann.text('/begin', { method: 'POST' })
  const answer = await ann.fetch('/change', { method: 'POST' })
  const text = await answer.text()
  if (answer.status !== 200 && !/both changed/.test(text)) throw new Error(text)
  return { status: answer.status, text, left: await ann.text('/cart') }
}

test('n2_the_object_in_the_hands_of_the_app_is_not_changed_by_a_commit', async () => {
  await visit(async ({ cart, elsewhere, renew, now }) => {
    await elsewhere([9])
    await renew()
    expect([cart, now()]).toEqual([{ items: [1] }, { items: [9] }])
    expect(now()).not.toBe(cart)
  })
})

test('n2_an_object_that_was_not_changed_is_not_written_over_what_another_request_stored', async () => {
  const { status, left } = await visit(async ({ elsewhere, renew, regenerate }) => {
    await elsewhere([9])
    await renew()
    await renew()
    await regenerate()
  })
  expect([status, left]).toEqual([200, '[9]'])
})

test('n2_what_the_app_changes_in_its_object_after_a_commit_that_met_a_conflict_counts', async () => {
  const { status, left } = await visit(async ({ cart, elsewhere, renew, now }) => {
    await elsewhere([9])
    await renew()
    cart.items.push(2)
    await renew()
    expect(now()).toBe(cart)
    cart.items.push(3)
    await renew()
  })
  expect([status, left]).toEqual([200, '[1,2,3]'])
})

test('n2_what_the_app_changes_in_its_object_while_a_commit_is_under_way_counts', async () => {
  for (const meets of ['nothing', 'a conflict']) {
    const { left } = await visit(async ({ cart, elsewhere, renew }) => {
      if (meets === 'a conflict') await elsewhere([9])
      cart.items.push(2)
      const renewing = renew()
      cart.items.push(3)
      await renewing
      await renew()
    })
    expect(left, meets).toBe('[1,2,3]')
  }
})

test('n2_a_value_that_the_app_gave_while_a_commit_was_under_way_counts', async () => {
  for (const meets of ['nothing', 'a conflict']) {
    const { left } = await visit(async ({ elsewhere, renew, assign }) => {
      if (meets === 'a conflict') await elsewhere([9])
      const renewing = renew()
      assign({ items: [5] })
      await renewing
      await renew()
    })
    expect(left, meets).toBe('[5]')
  }
})

test('n2_a_change_that_was_taken_back_before_the_next_commit_is_taken_back_in_the_store', async () => {
  const { left } = await visit(async ({ cart, renew }) => {
    cart.items.push(2)
    const renewing = renew()
    cart.items.pop()
    await Promise.all([renewing, renew()])
  })
  expect(left).toBe('[1]')
})

test('n2_a_value_that_the_app_gives_afterwards_is_over_the_object_from_before', async () => {
  const { left } = await visit(async ({ cart, elsewhere, renew, assign }) => {
    await elsewhere([9])
    await renew()
    cart.items.push(2)
    assign({ items: [5] })
    await renew()
  })
  expect(left).toBe('[5]')
})

test('n2_two_objects_that_were_both_changed_are_refused', async () => {
  const { status, text, left } = await visit(async ({ cart, elsewhere, renew, now }) => {
    await elsewhere([9])
    await renew()
    cart.items.push(2)
    now().items.push(3)
    await renew()
  })
  expect([status, left]).toEqual([500, '[9]'])
  expect(text).toMatch(/objects from before .* both changed/)
})

test('n2_nothing_of_the_session_before_gets_into_one_that_was_begun', async () => {
  const { left } = await visit(async ({ cart, elsewhere, renew, begin, now }) => {
    await elsewhere([9])
    await renew()
    cart.items.push(2)
    now().items.push(3)
    await begin([7])
    expect(now()).toEqual({ items: [7] })
    cart.items.push(4)
    await renew()
  })
  expect(left).toBe('[7]')
})
