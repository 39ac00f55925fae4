// The object of c.session.value that an app keeps while another request changes the session.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { createSession, regenerateSession, renewSession, SessionManager } from '../../src/hono-kv-session/index.js'
import { Browser } from '../support/browser.js'
import { memoryDenoKv } from '../support/memory-deno-kv.js'

type Cart = { items: number[] }

/**
 * A visitor with a cart of 1, and an app where another request changes the stored cart before a
 * commit.
 */
async function visit(
  handle: (c: {
    readonly cart: Cart
    now(): Cart
    assign(value: Cart): void
    /** Another request of the visitor stores these items. */
    elsewhere(items: number[]): Promise<void>
    renew(): Promise<unknown>
    regenerate(): Promise<unknown>
    begin(items: number[]): Promise<unknown>
  }) => Promise<void>,
) {
  // Activity is not written twice within a short time, so the requests are some minutes apart.
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

test('n2_a_commit_does_not_change_the_object_that_the_app_keeps', async () => {
  await visit(async ({ cart, elsewhere, renew, now }) => {
    await elsewhere([9])
    await renew()
    expect([cart, now()]).toEqual([{ items: [1] }, { items: [9] }])
    expect(now()).not.toBe(cart)
  })
})

test('n2_an_unchanged_object_does_not_overwrite_the_write_of_another_request', async () => {
  const { status, left } = await visit(async ({ elsewhere, renew, regenerate }) => {
    await elsewhere([9])
    await renew()
    await renew()
    await regenerate()
  })
  expect([status, left]).toEqual([200, '[9]'])
})

test('n2_a_change_of_the_object_after_a_commit_with_a_conflict_counts', async () => {
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

test('n2_a_change_of_the_object_during_a_commit_counts', async () => {
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

test('n2_a_value_that_the_app_assigns_during_a_commit_counts', async () => {
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

test('n2_a_change_that_is_undone_before_the_next_commit_is_undone_in_the_store', async () => {
  const { left } = await visit(async ({ cart, renew }) => {
    cart.items.push(2)
    const renewing = renew()
    cart.items.pop()
    await Promise.all([renewing, renew()])
  })
  expect(left).toBe('[1]')
})

test('n2_a_value_that_the_app_assigns_replaces_the_changed_object', async () => {
  const { left } = await visit(async ({ cart, elsewhere, renew, assign }) => {
    await elsewhere([9])
    await renew()
    cart.items.push(2)
    assign({ items: [5] })
    await renew()
  })
  expect(left).toBe('[5]')
})

test('n2_changes_of_two_objects_are_refused', async () => {
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

test('n2_a_new_session_gets_no_value_of_the_one_before_it', async () => {
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
