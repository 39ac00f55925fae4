// An app of hono-sessions on okibi: two failed logins, a login, a reload, a logout, and the session
// afterwards.
import assert from 'node:assert/strict'

const EMAIL = 'ada@example.com'

/** @param {import('./site.mjs').Scene} scene */
export async function dropIn({ server, browser, sealed, step, shoot }) {
  const visitor = await browser.visitor()
  const thief = await browser.visitor()
  let before
  let during

  await step(
    'two failed logins are counted, and each error is shown once',
    async () => {
      for (const count of [1, 2]) {
        await visitor.logIn(server, EMAIL, { password: `wrong ${count}` })
        assert.equal(await visitor.text('#error'), 'Incorrect username or password')
        assert.equal(await visitor.text('#failed-login-attempts'), `Failed login attempts: ${count}`)
        assert.equal(await visitor.greeted(), null)
      }
      before = await visitor.cookies()
      assert.deepEqual(
        before.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
        [{ name: 'session', httpOnly: true, sameSite: 'Lax' }],
      )
    },
    visitor,
  )

  await step(
    'the login greets, resets the failures, keeps the visits, and changes the cookie',
    async () => {
      await visitor.logIn(server, EMAIL)
      assert.equal(await visitor.greeted(), EMAIL)
      assert.equal(await visitor.text('#message'), 'Login Successful')
      assert.equal(await visitor.text('#failed-login-attempts'), null)
      assert.equal(await visitor.text('#visits'), '6')
      assert.notEqual((await visitor.cookies())[0].value, before[0].value)
    },
    visitor,
  )

  await step(
    'a reload greets again, without the message',
    async () => {
      await visitor.page.reload()
      assert.equal(await visitor.greeted(), EMAIL)
      assert.equal(await visitor.text('#message'), null)
      assert.equal(await visitor.text('#visits'), '7')
      await shoot(visitor, 'logged-in')
      during = await visitor.cookies()
    },
    visitor,
  )

  await step(
    'the logout ends the session',
    async () => {
      await visitor.press('#logout-button')
      assert.equal(await visitor.greeted(), null)
      assert.equal(await visitor.text('#visits'), '1', 'a new session counts from 1')
    },
    visitor,
  )

  const opens = async (cookies) => {
    await thief.context.clearCookies()
    await thief.context.addCookies(cookies)
    assert.equal((await thief.open(server)).status(), 200)
    return await thief.greeted()
  }
  await step(
    sealed ? 'a changed cookie opens nothing' : 'N1: the cookies before the logout and before the login open nothing',
    async () => {
      const [cookie] = during
      const at = Math.floor(cookie.value.length / 2)
      const other = cookie.value[at] === 'A' ? 'B' : 'A'
      const changed = cookie.value.slice(0, at) + other + cookie.value.slice(at + 1)
      if (!sealed) {
        assert.equal(await opens(during), null)
        assert.equal(await opens(before), null)
      }
      for (const value of [changed, 'garbage']) assert.equal(await opens([{ ...cookie, value }]), null)
    },
    thief,
  )
  await thief.leave()
  await visitor.leave()

  await step('the browser reports no error', async () => {
    assert.deepEqual(
      browser.complaints.filter((complaint) => complaint.startsWith(server.at('/'))),
      [],
    )
  })
}
