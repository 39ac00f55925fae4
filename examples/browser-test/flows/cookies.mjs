// The session cookie in the browser.
import assert from 'node:assert/strict'

const DAY = 24 * 60 * 60

export async function cookies({ both, bothWays, browser, step }) {
  await step('S8, N21: the cookie is __Host-, Secure, HttpOnly, SameSite=Lax, on http://localhost', async () => {
    const names = new Set()
    for (const server of both) {
      const visitor = await browser.visitor()
      await visitor.logIn(server, 'ada@example.com')
      const given = await visitor.cookies()
      assert.equal(given.length, 1, server.name)
      for (const { name, domain, path, secure, httpOnly, sameSite } of given) {
        names.add(name)
        assert.match(name, /^__Host-/, server.name)
        assert.deepEqual(
          { domain, path, secure, httpOnly, sameSite },
          { domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' },
          server.name,
        )
      }
      await visitor.leave()
    }
    assert.equal(names.size, 1, 'both servers use one name')
  })

  await step('N31: only "keep me signed in" makes the cookie outlive the browser', async () => {
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com')
      assert.equal(await expires(visitor), -1, `${here.name}: ends with the browser`)
      assert.equal(await visitor.text('#engine-persistent'), 'it ends')
      await visitor.press('#logout-button')

      await visitor.logIn(here, 'ada@example.com', { remember: true })
      const days = ((await expires(visitor)) - Date.now() / 1000) / DAY
      assert.ok(days > 29.9 && days < 30.1, `${here.name}: kept for ${days} days`)
      await visitor.open(there)
      assert.equal(await visitor.text('#engine-persistent'), 'it stays')
      assert.match(await visitor.text('#engine-idle'), /^(30 d|29 d 23 h)$/)

      await visitor.post(there, '/login', { email: 'ada@example.com', password: 'correct' })
      assert.equal(await expires(visitor), -1, `${there.name}: a login without it resets the cookie`)
      await visitor.open(here)
      assert.match(await visitor.text('#engine-idle'), /^1[45] min$/)
      await visitor.leave()
    }
  })

  await step('N8: a logout leaves no cookie', async () => {
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com', { remember: true })
      const answer = await visitor.post(there, '/logout')
      assert.equal(answer.status(), 303, there.name)
      assert.equal(answer.headers().location, '/', there.name)
      assert.deepEqual(await visitor.cookies(), [], there.name)
      await visitor.leave()
    }
  })
}

/** The expiry of the only cookie, in seconds since 1970. -1: when the browser closes. */
async function expires(visitor) {
  const [cookie] = await visitor.cookies()
  return cookie.expires
}
