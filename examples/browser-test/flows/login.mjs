// Login and logout at one server have their effect at the other.
import assert from 'node:assert/strict'

export async function login({ axum, hono, both, bothWays, browser, step }) {
  for (const [here, there] of bothWays) {
    await step(`log in at ${here.name}, and ${there.name} greets the user by name`, async () => {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com')
      assert.equal(visitor.page.url(), here.at('/'))
      assert.equal(await visitor.greeted(), 'ada@example.com')
      await visitor.open(there)
      assert.equal(await visitor.greeted(), 'ada@example.com')
      assert.equal(await visitor.text('#logout-button'), 'Log out ada@example.com')
      assert.equal(await visitor.text('#visits'), '3', 'visits before the login')
      await visitor.leave()
    })

    await step(`log out at ${here.name}, and ${there.name} shows the login form`, async () => {
      const visitor = await browser.visitor()
      await visitor.logIn(there, 'ada@example.com')
      await visitor.open(here)
      await visitor.press('#logout-button')
      assert.equal(visitor.page.url(), here.at('/'))
      for (const server of [here, there]) {
        await visitor.open(server)
        assert.equal(await visitor.greeted(), null, server.name)
        assert.equal(await visitor.text('#login-button'), 'Log in', server.name)
      }
      assert.equal(await visitor.text('#visits'), '3', 'a new session counts from 1')
      await visitor.leave()
    })

    await step(`a message from ${here.name} is shown once, by the first server that reads it`, async () => {
      const visitor = await browser.visitor()
      await visitor.logIn(here, 'ada@example.com')
      assert.equal(await visitor.text('#message'), 'Login Successful')
      for (const server of [here, there]) {
        await visitor.open(server)
        assert.equal(await visitor.text('#message'), null, `again at ${server.name}`)
      }
      const answer = await visitor.post(here, '/login', { email: 'ada@example.com', password: 'correct' })
      assert.equal(answer.status(), 303)
      assert.equal(answer.headers().location, '/')
      await visitor.open(there)
      assert.equal(await visitor.text('#message'), 'Login Successful', `from ${here.name} at ${there.name}`)
      await visitor.open(here)
      assert.equal(await visitor.text('#message'), null, `after ${there.name} showed it`)
      await visitor.leave()
    })
  }

  await step('failed logins are counted by both and reset at a login', async () => {
    const visitor = await browser.visitor()
    await visitor.open(axum)
    assert.equal(await visitor.text('#failed-login-attempts'), null)
    await visitor.logIn(axum, 'ada@example.com', { password: 'wrong' })
    assert.equal(await visitor.text('#error'), 'Incorrect username or password')
    assert.equal(await visitor.text('#failed-login-attempts'), 'Failed login attempts: 1')
    await visitor.open(hono)
    assert.equal(await visitor.text('#error'), null, 'the error is shown once')
    assert.equal(await visitor.text('#failed-login-attempts'), 'Failed login attempts: 1')
    await visitor.logIn(hono, 'ada@example.com', { password: 'wrong again' })
    assert.equal(await visitor.text('#failed-login-attempts'), 'Failed login attempts: 2')
    await visitor.logIn(axum, 'ada@example.com')
    assert.equal(await visitor.text('#error'), null)
    for (const server of both) {
      await visitor.open(server)
      assert.equal(await visitor.text('#failed-login-attempts'), null, server.name)
    }
    await visitor.leave()
  })

  await step('the guard redirects all others to the first page', async () => {
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      const refused = await visitor.context.request.get(here.at('/members'), { maxRedirects: 0 })
      assert.equal(refused.status(), 303, here.name)
      assert.equal(refused.headers().location, '/', here.name)
      assert.equal(refused.headers()['set-cookie'], undefined, here.name)
      await visitor.open(here, '/members')
      assert.equal(visitor.page.url(), here.at('/'))
      await visitor.logIn(here, 'ada@example.com')
      await visitor.open(there, '/members')
      assert.equal(visitor.page.url(), there.at('/members'))
      assert.equal(await visitor.text('#member'), 'ada@example.com')
      await visitor.press('#logout-button')
      await visitor.open(here, '/members')
      assert.equal(visitor.page.url(), here.at('/'))
      await visitor.leave()
    }
  })

  await step('an e-mail with a script is escaped', async () => {
    const email = '"><script>document.title="run"</script>\'&@example.com'
    for (const [here, there] of bothWays) {
      const visitor = await browser.visitor()
      await visitor.post(here, '/login', { email, password: 'correct' })
      for (const [path, selector] of [
        ['/', '#greeting'],
        ['/members', '#member'],
      ]) {
        await visitor.open(there, path)
        assert.equal((await visitor.text(selector)).replace('Welcome, ', ''), email, there.name)
        assert.equal(await visitor.page.locator('script').count(), 0, there.name)
      }
      await visitor.leave()
    }
  })

  await step('an invalid e-mail counts as a failed login', async () => {
    for (const server of both) {
      const visitor = await browser.visitor()
      for (const email of ['', '  ', 'a\u0007b', 'x'.repeat(255)]) {
        const answer = await visitor.post(server, '/login', { email, password: 'correct' })
        assert.equal(answer.status(), 303, server.name)
      }
      await visitor.open(server)
      assert.equal(await visitor.greeted(), null, server.name)
      assert.equal(await visitor.text('#failed-login-attempts'), 'Failed login attempts: 4', server.name)
      await visitor.leave()
    }
  })
}
