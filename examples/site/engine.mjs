// The panel: what the engine did for this request.

/** The session's cookie, by its default name. */
const COOKIE = /(^|; *)__Host-session=/

/**
 * What the engine did, and what it will do when. To be asked after the commit.
 *
 * @param loaded whether there was a session before the request changed anything
 */
export function engineOf(c, loaded) {
  const session = c.get('session')
  const report = session.report()
  const now = Date.now()
  const left = (end) => (end ? seconds(end - now) : null)
  return {
    cookie_came: COOKIE.test(c.req.header('cookie') ?? ''),
    loaded,
    // Where the cookie is the store, sending it is writing it.
    written: report.writes > 0 || report.sendsCookie,
    cookie_sent: report.sendsCookie,
    persistent: session.isPersistent,
    renewal_due_in: left(report.touchDueAt),
    idle_ends_in: left(session.expiresAt),
    ends_in: left(session.deadline),
  }
}

/** A span in whole seconds, to the nearest. */
export function seconds(milliseconds) {
  return Math.max(0, Math.round(milliseconds / 1000))
}
