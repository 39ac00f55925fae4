// Visitors without an account: both servers count their visits. Without stored data they get no
// cookie.
import assert from 'node:assert/strict'

export async function visits({ axum, hono, both, store, browser, step }) {
  await step('N4: a visitor without stored values gets no cookie', async () => {
    const visitor = await browser.visitor()
    for (const server of both) {
      const answer = await visitor.open(server, '/about')
      assert.equal(answer.status(), 200)
      const headers = await answer.allHeaders()
      assert.equal(headers['set-cookie'], undefined, server.name)
      assert.equal(headers.vary, undefined, server.name)
    }
    assert.deepEqual(await visitor.cookies(), [])
    await visitor.leave()
  })

  await step('both servers share one count of visits', async () => {
    const visitor = await browser.visitor()
    const counted = []
    for (const server of [axum, hono, hono, axum, hono]) {
      await visitor.open(server)
      counted.push(await visitor.text('#visits'))
    }
    assert.deepEqual(counted, ['1', '2', '3', '4', '5'])
    await visitor.leave()
  })

  await step('the panel shows what the engine did', async () => {
    for (const server of both) {
      const visitor = await browser.visitor()
      await visitor.open(server)
      assert.deepEqual(await facts(visitor), ['no', 'no', 'yes', 'yes'], `${server.name}: a first visit`)
      await visitor.open(server)
      const sent = store === 'cookie' ? 'yes' : 'no'
      assert.deepEqual(await facts(visitor), ['yes', 'yes', 'yes', sent], `${server.name}: a second visit`)
      assert.match(await visitor.text('#engine-renewal'), /^1 min( \d+ s)?$/, server.name)
      assert.match(await visitor.text('#engine-idle'), /^1[45] min$/, server.name)
      assert.match(await visitor.text('#engine-absolute'), /^(30 d|29 d 23 h)$/, server.name)
      await visitor.leave()
    }
  })

  await step('N3: a page that only reads writes nothing and sends no cookie', async () => {
    for (const server of both) {
      const visitor = await browser.visitor()
      await visitor.logIn(server, 'reader@example.com')
      const answer = await visitor.open(server, '/members')
      assert.equal((await answer.allHeaders())['set-cookie'], undefined, server.name)
      assert.deepEqual(await facts(visitor), ['yes', 'yes', 'no', 'no'], server.name)
      await visitor.leave()
    }
  })

  await step('a link to the other server opens the same page on the same host', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const visitor = await browser.visitor()
      await visitor.open(axum, '/about', host)
      for (const server of [hono, axum]) {
        await visitor.press('#other-server')
        assert.equal(visitor.page.url(), server.at('/about', host))
        assert.equal(await visitor.text('#here .server-name'), server.name)
      }
      await visitor.leave()
    }
  })
}

/** Cookie received, loaded, written, cookie sent: each `yes` or `no`. */
async function facts(visitor) {
  const stations = ['#engine-cookie-came', '#engine-loaded', '#engine-written', '#engine-cookie-sent']
  return await Promise.all(stations.map((station) => visitor.text(`${station} b`)))
}
