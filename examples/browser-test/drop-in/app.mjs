// An app written for the npm package hono-sessions 0.8.1. Only its import is changed to okibi.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { sessionMiddleware } from 'okibi/hono-sessions'

/** The app with these sessions: a driver, or a `CookieStore`. */
export function appOf(store, encryptionKey) {
  const app = new Hono()
  app.use(
    sessionMiddleware({
      store,
      encryptionKey,
      expireAfterSeconds: 900,
      cookieOptions: { sameSite: 'Lax', path: '/', httpOnly: true },
    }),
  )

  app.get('/', async (c) => {
    const session = c.get('session')
    session.set('visits', (session.get('visits') ?? 0) + 1)
    return c.html(
      page({
        user: session.get('user'),
        visits: session.get('visits'),
        failed: session.get('failed-login-attempts'),
        message: session.get('message'),
        error: session.get('error'),
      }),
    )
  })

  app.post('/login', async (c) => {
    const session = c.get('session')
    const { email, password } = await c.req.parseBody()
    if (password === 'correct') {
      c.set('session_key_rotation', true)
      session.set('user', email)
      session.forget('failed-login-attempts')
      session.flash('message', 'Login Successful')
    } else {
      session.set('failed-login-attempts', (session.get('failed-login-attempts') ?? 0) + 1)
      session.flash('error', 'Incorrect username or password')
    }
    return c.redirect('/')
  })

  app.post('/logout', (c) => {
    c.get('session').deleteSession()
    return c.redirect('/')
  })

  return app
}

const page = ({ user, visits, failed, message, error }) => html`<!doctype html>
<html lang="en">
<head>
<title>hono-sessions, unchanged</title>
<link rel="icon" href="data:,">
</head>
<body>
${message && html`<p id="message">${message}</p>`}
${error && html`<p id="error">${error}</p>`}
<p>Visits: <b id="visits">${visits}</b></p>
${failed && html`<p id="failed-login-attempts">Failed login attempts: ${failed}</p>`}
${
  user
    ? html`<h1 id="greeting">Welcome, ${user}</h1>
<form method="post" action="/logout"><button id="logout-button">Log out</button></form>`
    : html`<form method="post" action="/login">
<label>E-mail <input id="email" name="email" type="email"></label>
<label>Password <input id="password" name="password" type="password"></label>
<button id="login-button">Log in</button>
</form>`
}
</body>
</html>`
