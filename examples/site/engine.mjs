// The panel: what the engine did for this request.

/** The session cookie, by its default name. */
const COOKIE = /(^|; *)__Host-session=/

/**
 * What the engine did, and the times of the session. Call it after the commit.
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
    // A sealed session is written by sending the cookie.
    written: report.writes > 0 || report.sendsCookie,
    cookie_sent: report.sendsCookie,
    persistent: session.isPersistent,
    renewal_due_in: left(report.touchDueAt),
    idle_ends_in: left(session.expiresAt),
    ends_in: left(session.deadline),
  }
}

/** A span in whole seconds, rounded. */
export function seconds(milliseconds) {
  return Math.max(0, Math.round(milliseconds / 1000))
}
