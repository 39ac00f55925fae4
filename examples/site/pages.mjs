// The pages. Each handler collects the data of its page.
import { engineOf } from './engine.mjs'
import { listed } from './site.mjs'

/** Counts the visit and shows the session. It commits first, so that the page can show the result. */
export async function home(c, site) {
  const session = c.get('session')
  const loaded = session.isLive
  session.update('visits', (visits = 0) => visits + 1)
  const message = session.get('message') ?? null
  const error = session.get('error') ?? null
  await session.commit()

  const user = session.get('user') ?? null
  return site.render(c, 'home.html', {
    ...site.page(c, '/'),
    visits: session.get('visits'),
    failed_login_attempts: session.get('failed_logins') ?? 0,
    engine: engineOf(c, loaded),
    user,
    message,
    error,
    sessions: user !== null && site.listsSessions ? listed(await session.list()) : null,
  })
}

/** The page behind the guard. It only reads, so its commit writes nothing unless a touch is due. */
export async function members(c, site) {
  const session = c.get('session')
  const loaded = session.isLive
  await session.commit()
  return site.render(c, 'members.html', {
    ...site.page(c, '/members'),
    user: session.get('user'),
    engine: engineOf(c, loaded),
  })
}

/** A page without a session. */
export function about(c, site) {
  return site.render(c, 'about.html', site.page(c, '/about'))
}
