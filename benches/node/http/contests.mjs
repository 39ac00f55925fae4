// Which apps are served over HTTP. All apps of a group take turns, so that they can be compared.

/** Where sessions are stored, in the order of the tables. */
export const STORES = ['memory', 'cookie', 'SQLite', 'Redis', 'Postgres']

const rust = (framework, library, stores) =>
  stores.map((store) => ({ framework, library, store, program: ['rust', `${library}-${store.toLowerCase()}`] }))

const script = (runtime, framework) => (library, stores) =>
  stores.map((store) => ({ framework, library, store, program: [runtime, framework, `${library}-${store}`] }))

const bare = (framework, program) => ({ framework, library: 'bare', store: undefined, program })

/** The apps of Hono on a runtime. */
function hono(runtime, okibiStores, honoSessionsStores) {
  const app = script(runtime, 'Hono')
  return [
    bare('Hono', [runtime, 'Hono', 'bare']),
    ...app('okibi', okibiStores),
    ...app('hono-sessions', honoSessionsStores),
    ...app('@hono/session', ['cookie']),
    ...app('iron-session', ['cookie']),
  ]
}

/** For each group the apps. `bare` is the app without sessions that the others of its framework are compared with. */
export const GROUPS = {
  Rust: [
    bare('axum', ['rust', 'axum-bare']),
    ...rust('axum', 'okibi', STORES).map((app) => (app.store === 'SQLite' ? { ...app, program: ['sqlite'] } : app)),
    ...rust('axum', 'tower-sessions', ['memory', 'SQLite', 'Redis', 'Postgres']),
    ...rust('axum', 'axum_session', ['memory']),
    bare('actix-web', ['rust', 'actix-bare']),
    ...rust('actix-web', 'actix-session', ['cookie', 'Redis']),
  ],
  Node: [
    ...hono('node', STORES, ['memory', 'cookie']),
    bare('Express', ['node', 'Express', 'bare']),
    ...script('node', 'Express')('express-session', ['memory', 'SQLite', 'Redis', 'Postgres']),
  ],
  Bun: hono('bun', ['memory', 'cookie', 'SQLite'], ['memory', 'cookie', 'SQLite']),
  Deno: hono('deno', ['memory', 'cookie'], ['memory', 'cookie']),
}
