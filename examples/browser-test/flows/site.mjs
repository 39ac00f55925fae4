// One server: two failed logins, a login, a reload, a logout, and the session afterwards.
import assert from 'node:assert/strict'

const EMAIL = 'ada@example.com'

/**
 * The context of a flow.
 *
 * @typedef {object} Scene
 * @property {import('../examples/program.mjs').Program} server
 * @property {import('../browser.mjs').Browser} browser
 * @property {boolean} sealed whether sessions are sealed
 * @property {string} keptIn where sessions are stored, as the page names it
 * @property {boolean} lists whether a user's sessions can be listed
 * @property {(name: string, prove: () => Promise<void>, visitor?: object) => Promise<void>} step
 * @property {(visitor: object, name: string) => Promise<unknown>} shoot takes a picture
 */

/** @param {Scene} scene */
export async function site({ server, browser, sealed, keptIn, lists, step, shoot }) {
  const visitor = await browser.visitor()
  let before
  let during

  await step(
    'two failed logins are counted, and each error is shown once',
    async () => {
      await visitor.open(server)
      assert.equal(await visitor.text('#visits'), '1')
      assert.equal(await visitor.text('#failed-login-attempts'), null)
      for (const count of [1, 2]) {
        await visitor.logIn(server, EMAIL, { password: `wrong ${count}` })
        assert.equal(await visitor.text('#error'), 'Incorrect username or password')
        assert.equal(await visitor.text('#failed-login-attempts'), `Failed login attempts: ${count}`)
        assert.equal(await visitor.greeted(), null)
      }
      before = await visitor.cookies()
      assert.deepEqual(
        before.map(({ name, secure, httpOnly, sameSite }) => ({ name, secure, httpOnly, sameSite })),
        [{ name: '__Host-session', secure: true, httpOnly: true, sameSite: 'Lax' }],
      )
    },
    visitor,
  )

  await step(
    'the login greets, resets the failures, keeps the visits, and changes the cookie',
    async () => {
      await visitor.logIn(server, EMAIL)
      assert.equal(visitor.page.url(), server.at('/'))
      assert.equal(await visitor.greeted(), EMAIL)
      assert.equal(await visitor.text('#message'), 'Login Successful')
      assert.equal(await visitor.text('#failed-login-attempts'), null)
      assert.equal(await visitor.text('#visits'), '7')
      during = await visitor.cookies()
      assert.notEqual(during[0].value, before[0].value)
    },
    visitor,
  )

  await step(
    'a reload greets again, without the message, and the page names the store',
    async () => {
      await visitor.page.reload()
      assert.equal(await visitor.greeted(), EMAIL)
      assert.equal(await visitor.text('#message'), null)
      assert.equal(await visitor.text('#visits'), '8')
      assert.equal(await visitor.text('#engine-store'), sealed ? 'the sealed cookie' : keptIn)
      assert.equal(await visitor.page.locator('#sessions li').count(), lists && !sealed ? 1 : 0)
      assert.equal(await visitor.page.locator('#stateless').count(), sealed ? 1 : 0)
      await shoot(visitor, 'logged-in')
      during = await visitor.cookies()
    },
    visitor,
  )

  await step(
    'the page behind the guard opens, writes nothing and sends no cookie',
    async () => {
      const answer = await visitor.open(server, '/members')
      assert.equal(await visitor.text('#member'), EMAIL)
      assert.equal((await answer.allHeaders())['set-cookie'], undefined)
      assert.equal(await visitor.text('#engine-written b'), 'no')
    },
    visitor,
  )

  await step(
    'the logout leaves no cookie, and the guard redirects',
    async () => {
      await visitor.press('#logout-button')
      assert.equal(visitor.page.url(), server.at('/'))
      assert.equal(await visitor.greeted(), null)
      assert.equal(await visitor.text('#visits'), '1', 'a new session counts from 1')
      await visitor.open(server, '/members')
      assert.equal(visitor.page.url(), server.at('/'))
    },
    visitor,
  )

  const thief = await browser.visitor()
  const opens = async (cookies) => {
    await thief.context.clearCookies()
    await thief.context.addCookies(cookies)
    const answer = await thief.open(server)
    assert.equal(answer.status(), 200)
    // An id that is known to have ended begins no new session for a while, so the visit is not
    // counted.
    return { user: await thief.greeted(), before: Number((await thief.text('#visits')) ?? 1) - 1 }
  }
  const name = sealed
    ? 'N1: as the page says, a copy of a sealed cookie opens after the logout; a changed one opens nothing'
    : 'N1, S18: the cookies before the logout and before the login open nothing'
  await step(
    name,
    async () => {
      if (sealed) {
        assert.deepEqual(await opens(during), { user: EMAIL, before: 8 })
        const [cookie] = during
        const at = Math.floor(cookie.value.length / 2)
        const other = cookie.value[at] === 'A' ? 'B' : 'A'
        const changed = cookie.value.slice(0, at) + other + cookie.value.slice(at + 1)
        assert.deepEqual(await opens([{ ...cookie, value: changed }]), { user: null, before: 0 })
      } else {
        assert.deepEqual(await opens(during), { user: null, before: 0 })
        assert.deepEqual(await opens(before), { user: null, before: 0 })
      }
      assert.deepEqual(await opens([{ ...during[0], value: 'garbage' }]), { user: null, before: 0 })
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
