// The values of the session, its lifetime, and the routes that change it: login, logout, revoking
// the others.

/**
 * The values of the session.
 *
 * @typedef {object} Data
 * s/how often `GET /` was answered, by whichever server/the number of visits of `GET /`, on all
 * servers/
 * @property {string} user the e-mail, only while logged in
 * @property {number} failed_logins only after a failed login
 * @property {string} message a flash: success
 * @property {string} error a flash: failure
 */

/** The idle span, in seconds. */
export const IDLE = 15 * 60
/** The absolute span, and the idle span with "keep me signed in", in seconds. */
export const LONGEST = 30 * 24 * 60 * 60

/** The user, if the form has the right password. A real site looks up the password, and limits the attempts. */
function userIn(form) {
  const email = (form.email ?? '').trim()
  const bytes = new TextEncoder().encode(email).length
  const isEmail = bytes >= 1 && bytes <= 254 && !/\p{Cc}/u.test(email)
  return isEmail && form.password === 'correct' ? email : undefined
}

/** Logs in, or counts a failed attempt. */
export async function login(c, site) {
  const session = c.get('session')
  const form = await formOf(c)
  const user = userIn(form)
  if (user !== undefined) {
    const keep = form.remember !== undefined
    session.rotate() // a new id, because a login changes the privilege
    session.set('user', user)
    session.remove('failed_logins')
    session.setOwner(user)
    session.setLabel(`${browser(c)}, signed in at ${site.server}`)
    session.setIdle(keep ? LONGEST : IDLE)
    session.setPersistent(keep)
    session.flash('message', 'Login Successful')
  } else {
    session.update('failed_logins', (count = 0) => count + 1)
    session.flash('error', 'Incorrect username or password')
  }
  return c.redirect('/', 303)
}

/** Destroys the session, if there is one. */
export function logout(c) {
  c.get('session').destroy()
  return c.redirect('/', 303)
}

/** Revokes all sessions of this user but the current one. */
export async function revokeOthers(c) {
  const session = c.get('session')
  const ended = await session.revokeOthers()
  session.flash('message', `Ended ${ended} other session${ended === 1 ? '' : 's'}`)
  return c.redirect('/', 303)
}

/** The fields of the form. Empty if the body is not a form. */
async function formOf(c) {
  const isForm = c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded')
  return isForm ? Object.fromEntries(new URLSearchParams(await c.req.text())) : {}
}

/** The browser's name, for the list of sessions. */
function browser(c) {
  const signs = { 'Edg/': 'Edge', 'OPR/': 'Opera', 'Firefox/': 'Firefox', 'Chrome/': 'Chrome', 'Safari/': 'Safari' }
  const agent = c.req.header('user-agent') ?? ''
  return Object.entries(signs).find(([sign]) => agent.includes(sign))?.[1] ?? 'Some browser'
}
