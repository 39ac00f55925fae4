// Abilities of sessions in a store: they can be listed and revoked, and a copy of the cookie does
// not open them again.
import assert from 'node:assert/strict'

export async function stored({ axum, hono, bothWays, browser, step }) {
  for (const [here, there] of bothWays) {
    await step(`N25: "log out the others" at ${here.name} revokes a second browser's session`, async () => {
      const email = `ends-at-${here.name}@example.com`
      const first = await browser.visitor()
      const second = await browser.visitor()
      const other = await browser.visitor()
      await first.logIn(here, email)
      await second.logIn(there, email)
      await other.logIn(there, `not-${email}`)

      await first.open(here)
      assert.equal(await first.page.locator('.session').count(), 2)
      assert.equal(await first.page.locator('.session-current').count(), 1)
      assert.equal(await first.text('.session-current .session-mark'), 'this one')
      assert.equal(await first.text('.session-current .session-label'), `Chrome, signed in at ${here.name}`)
      assert.equal(
        await first.text('.session:not(.session-current) .session-label'),
        `Chrome, signed in at ${there.name}`,
      )
      for (const time of ['.session-created', '.session-active']) {
        assert.match(await first.text(`.session-current ${time}`), /^(just now|\d+ s ago)$/)
      }

      await first.press('#end-others')
      assert.equal(await first.text('#message'), 'Ended 1 other session')
      assert.equal(await first.greeted(), email)
      assert.equal(await first.page.locator('.session').count(), 1)
      assert.equal(await first.page.locator('#end-others').count(), 0)

      await second.open(here, '/members')
      assert.equal(second.page.url(), here.at('/'), 'the guard redirects')
      assert.equal(await second.greeted(), null)
      await other.open(here)
      assert.equal(await other.greeted(), `not-${email}`, "another user's session stays")
      for (const visitor of [first, second, other]) await visitor.leave()
    })

    await step(`S18: after a login at ${here.name} the old cookie opens nothing`, async () => {
      const visitor = await browser.visitor()
      await visitor.open(here)
      const before = await visitor.cookies()
      await visitor.logIn(here, 'ada@example.com')
      const after = await visitor.cookies()
      assert.notEqual(before[0].value, after[0].value)
      const thief = await browser.visitor()
      for (const server of [here, there]) {
        await thief.context.addCookies(before)
        await thief.open(server)
        assert.equal(await thief.greeted(), null, server.name)
      }
      await thief.leave()
      await visitor.leave()
    })

    await step(`N1: after a logout at ${here.name} a copy of the cookie opens nothing`, async () => {
      const visitor = await browser.visitor()
      await visitor.logIn(there, 'ada@example.com')
      const copy = await visitor.cookies()
      await visitor.post(here, '/logout')
      for (const server of [here, there]) {
        const thief = await browser.visitor()
        await thief.context.addCookies(copy)
        await thief.open(server)
        assert.equal(await thief.greeted(), null, server.name)
        // Right after a logout its id begins no new session, so the visit is not counted.
        assert.equal(await thief.text('#visits'), null, server.name)
        await thief.leave()
      }
      await visitor.leave()
    })
  }

  await step('N2: a hundred concurrent visits at both servers count a hundred', async () => {
    const visitor = await browser.visitor()
    await visitor.open(axum)
    const [{ name, value }] = await visitor.cookies()
    const counted = await Promise.all(
      Array.from({ length: 100 }, async (_, which) => {
        const answer = await fetch([axum, hono][which % 2].at('/', '127.0.0.1'), {
          headers: { cookie: `${name}=${value}` },
        })
        assert.equal(answer.status, 200)
        return Number(/id="visits">(\d+)</.exec(await answer.text())?.[1])
      }),
    )
    assert.deepEqual(
      counted.sort((one, other) => one - other),
      Array.from({ length: 100 }, (_, before) => before + 2),
    )
    await visitor.open(hono)
    assert.equal(await visitor.text('#visits'), '102')
    await visitor.leave()
  })

  await step('the guard prevents visitors without a login from revoking sessions', async () => {
    const visitor = await browser.visitor()
    for (const server of [axum, hono]) {
      const answer = await visitor.post(server, '/sessions/end-others')
      assert.equal(answer.status(), 303, server.name)
      assert.equal(answer.headers().location, '/', server.name)
    }
    assert.deepEqual(await visitor.cookies(), [])
    await visitor.leave()
  })

  await step('the page of a session in a store lists no limits of sealed sessions', async () => {
    const visitor = await browser.visitor()
    for (const server of [axum, hono]) {
      await visitor.open(server)
      assert.equal(await visitor.text('#stateless'), null)
      assert.equal(await visitor.text('#engine-store'), 'one SQLite file')
    }
    await visitor.leave()
  })
}
