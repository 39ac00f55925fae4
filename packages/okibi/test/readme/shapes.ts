// The example of docs/changing-shapes.md.
import { Hono } from 'hono'
import { type SessionEnv, type SessionOptions, sessions } from 'okibi'

type Data = {
  /** An older deploy stored a string. */
  languages: string[] | string
  discount: number
}

/** What is stored may be of an older deploy, whatever the types say. */
function languagesOf(stored: unknown): string[] {
  if (typeof stored === 'string') return [stored]
  return Array.isArray(stored) ? stored.filter((language) => typeof language === 'string') : ['en']
}

export function app(options: SessionOptions) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>(options))

  app.get('/', (c) => c.text(languagesOf(c.get('session').get('languages')).join(' or ')))

  app.get('/add/:language', (c) => {
    // The function gets what is stored, and what it returns is written in the new shape.
    const languages = c.get('session').update('languages', (old) => [...languagesOf(old), c.req.param('language')])
    return c.json(languages)
  })
  return app
}
