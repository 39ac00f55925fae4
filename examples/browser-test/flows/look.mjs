// The layout of the pages, their security headers, and the absence of browser errors.
import assert from 'node:assert/strict'
import { join } from 'node:path'

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
}

export async function look({ both, store, browser, screenshots, step }) {
  await step('every response has the security headers', async () => {
    for (const server of both) {
      for (const [path, status] of [
        ['/', 200],
        ['/about', 200],
        ['/members', 303],
        ['/style.css', 200],
        ['/ember.svg', 200],
        ['/nothing-here', 404],
      ]) {
        const answer = await fetch(server.at(path, '127.0.0.1'), { redirect: 'manual' })
        assert.equal(answer.status, status, `${server.name} ${path}`)
        for (const [name, value] of Object.entries(HEADERS)) {
          assert.equal(answer.headers.get(name), value, `${server.name} ${path}: ${name}`)
        }
      }
    }
  })

  await step('both servers render the same page', async () => {
    const visitor = await browser.visitor()
    for (const path of ['/', '/about', '/members']) {
      const [first, second] = [await outline(visitor, both[0], path), await outline(visitor, both[1], path)]
      assert.ok(first.length > 10)
      assert.deepEqual(first, second, path)
      if (path === '/about') await visitor.logIn(both[0], 'ada@example.com')
    }
    await visitor.leave()
  })

  for (const colorScheme of ['light', 'dark']) {
    await step(`at 360 pixels nothing overflows the page (${colorScheme})`, async () => {
      for (const server of both) {
        const visitor = await browser.visitor({ viewport: { width: 360, height: 740 }, colorScheme, hasTouch: true })
        const shoot = async (name) => {
          const [wide, room] = await visitor.page.evaluate(() => [
            document.scrollingElement.scrollWidth,
            window.innerWidth,
          ])
          assert.ok(wide <= room, `${server.name} ${name}: ${wide} pixels wide`)
          const file = `${store}-${server.name}-${colorScheme}-${name}.png`
          await visitor.page.screenshot({ path: join(screenshots, file), fullPage: true })
        }
        await visitor.logIn(server, 'ada@example.com', { password: 'wrong' })
        await shoot('failed-login')
        await visitor.logIn(server, `${'long'.repeat(30)}@${'example'.repeat(8)}.example.com`, { remember: true })
        await shoot('logged-in')
        for (const page of ['members', 'about']) {
          await visitor.open(server, `/${page}`)
          await shoot(page)
        }
        await visitor.leave()
      }
    })
  }

  await step('the browser reports no error', async () => {
    assert.deepEqual(browser.complaints.splice(0), [])
  })
}

/** The elements of the page in order, without the parts that may differ: the current server, and the engine's panel. */
async function outline(visitor, server, path) {
  await visitor.open(server, path)
  return await visitor.page.evaluate(() =>
    [...document.querySelectorAll('body *:not(.hearth *, #engine *)')].map(
      (element) => `${element.localName}#${element.id}.${element.getAttribute('class') ?? ''}`,
    ),
  )
}
