// What is in the session, how long it lives, and the routes that change it: logging in and out, ending the others.

/**
 * What is in the session.
 *
 * @typedef {object} Data
 * @property {number} visits how often `GET /` was answered, by whichever server
 * @property {string} user the e-mail; there only while logged in
 * @property {number} failed_logins there only after a failed login
 * @property {string} message a flash: good news
 * @property {string} error a flash: bad news
 */

/** How long a session lives without activity, in seconds. */
export const IDLE = 15 * 60
/** How long it lives at most, and without activity for those who want to be kept signed in. */
export const LONGEST = 30 * 24 * 60 * 60

/** The user, if this is one. A real site looks the password up, and limits the attempts. */
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
    session.rotate() // a new id, because from now on the session may do more
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

/** Ends the session, if there is one. */
export function logout(c) {
  c.get('session').destroy()
  return c.redirect('/', 303)
}

/** Ends all sessions of this user but this one. */
export async function revokeOthers(c) {
  const session = c.get('session')
  const ended = await session.revokeOthers()
  session.flash('message', `Ended ${ended} other session${ended === 1 ? '' : 's'}`)
  return c.redirect('/', 303)
}

/** The form's fields; none if the body is no form. */
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
