// Sealed sessions: the cookie contains the session, and the page lists the limits.
import assert from 'node:assert/strict'

export async function sealed({ both, bothWays, browser, step }) {
  await step('the page lists the limits of a sealed session', async () => {
    for (const server of both) {
      const visitor = await browser.visitor()
      await visitor.logIn(server, 'ada@example.com')
      assert.match(
        await visitor.text('#stateless'),
        /no list[\s\S]*cannot be logged out[\s\S]*stolen copy[\s\S]*same time/,
      )
      assert.equal(await visitor.text('#engine-store'), 'the sealed cookie')
      assert.equal(await visitor.page.locator('#sessions').count(), 0, 'no list')
      assert.equal(await visitor.page.locator('#end-others').count(), 0, 'no button to log out the others')
      assert.equal((await visitor.post(server, '/sessions/end-others')).status(), 404, server.name)
      await visitor.leave()
    }
  })

  await step('the cookie contains the session, sealed: it shows nothing and opens at the other server', async () => {
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com')
      const [cookie] = await visitor.cookies()
      assert.match(cookie.value, /^[A-Za-z0-9_-]{200,}$/)
      assert.ok(!Buffer.from(cookie.value, 'base64url').includes('ada@example.com'))
      const elsewhere = await browser.visitor()
      await elsewhere.context.addCookies([cookie])
      await elsewhere.open(there)
      assert.equal(await elsewhere.greeted(), 'ada@example.com', there.name)
      await elsewhere.leave()
      await visitor.leave()
    }
  })

  await step('a changed seal opens nothing', async () => {
    for (const server of both) {
      const visitor = await browser.visitor()
      await visitor.logIn(server, 'ada@example.com')
      const [cookie] = await visitor.cookies()
      const middle = Math.floor(cookie.value.length / 2)
      const other = cookie.value[middle] === 'A' ? 'B' : 'A'
      cookie.value = cookie.value.slice(0, middle) + other + cookie.value.slice(middle + 1)
      await visitor.context.addCookies([cookie])
      const answer = await visitor.open(server)
      assert.equal(answer.status(), 200, server.name)
      assert.equal(await visitor.greeted(), null, server.name)
      await visitor.leave()
    }
  })

  await step('as the page says, a copy opens after the logout', async () => {
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com')
      const copy = await visitor.cookies()
      await visitor.press('#logout-button')
      assert.equal(await visitor.greeted(), null)
      const thief = await browser.visitor()
      await thief.context.addCookies(copy)
      await thief.open(there)
      assert.equal(await thief.greeted(), 'ada@example.com', there.name)
      await thief.leave()
      await visitor.leave()
    }
  })
}
