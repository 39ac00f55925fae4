// The app of these tests: each route makes one call of its session.
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { App, Env, Implementation, Options } from './implementations.js'

/** An app with the middleware on every route. */
export function site(implementation: Implementation, options: Options, more?: (app: App) => void): App {
  const app = new Hono<Env>()
  app.use('*', implementation.sessionMiddleware(options))
  return routes(app, more)
}

/** Adds the routes to an app. */
export function routes(app: App, more?: (app: App) => void): App {
  more?.(app)
  const value = (text: string | undefined): unknown => (text === undefined ? true : JSON.parse(text))
  app.get('/nothing', (c) => c.json('nothing'))
  app.get('/get/:name', (c) => c.json(c.get('session').get(c.req.param('name')) ?? null))
  app.get('/set/:name', (c) => {
    c.get('session').set(c.req.param('name'), value(c.req.query('v')))
    return c.json('set')
  })
  app.get('/flash/:name', (c) => {
    c.get('session').flash(c.req.param('name'), value(c.req.query('v')))
    return c.json('flashed')
  })
  app.get('/forget/:name', (c) => {
    c.get('session').forget(c.req.param('name'))
    return c.json('forgotten')
  })
  app.get('/count', (c) => {
    const session = c.get('session')
    const count = ((session.get('count') as number | null) ?? 0) + 1
    session.set('count', count)
    return c.json(count)
  })
  app.get('/rotate', (c) => {
    c.set('session_key_rotation', true)
    return c.json('rotated')
  })
  app.get('/login/:user', (c) => {
    c.get('session').set('user', c.req.param('user'))
    c.set('session_key_rotation', true)
    return c.json('logged in')
  })
  app.get('/logout', (c) => {
    c.get('session').deleteSession()
    return c.json('logged out')
  })
  app.get('/touch', (c) => {
    c.get('session').touch()
    return c.json('touched')
  })
  app.get('/cache', (c) => c.json(c.get('session').getCache()))
  app.get('/status/:status', (c) => {
    c.get('session').set('seen', Number(c.req.param('status')))
    return c.json('answered', Number(c.req.param('status')) as 500)
  })
  app.get('/throw', (c) => {
    c.get('session').set('seen', 'thrown')
    throw new Error('thrown')
  })
  app.get('/refuse', (c) => {
    c.get('session').set('seen', 'refused')
    throw new HTTPException(403, { message: 'refused' })
  })
  app.get('/raw', (c) => {
    c.get('session').set('seen', 'raw')
    return new Response('"raw"')
  })
  app.get('/redirect', (c) => {
    c.get('session').set('seen', 'redirect')
    return c.redirect('/elsewhere')
  })
  app.get('/fetched', async (c) => {
    c.get('session').set('seen', 'fetched')
    return fetch('data:application/json,"fetched"')
  })
  return app
}
