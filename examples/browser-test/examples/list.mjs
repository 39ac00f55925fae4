// Every example: how its README installs and starts it, and what its pages say of its store.

/** What the development dependencies of the Cloudflare examples bring is among the tools already. */
const NPM_INSTALL = ['npm', 'install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

/** An example on one of Cloudflare's runtimes: its variables are arguments of wrangler. */
function cloudflare(name, keptIn, { flag = '--var', separator = ':', ...more } = {}) {
  return {
    name,
    keptIn,
    withTools: true,
    lists: false,
    install: NPM_INSTALL,
    start: (port, variables) => ({
      command: [
        ...['npm', 'start', '--', '--port', String(port)],
        ...Object.entries(variables).flatMap(([name, value]) => [flag, `${name}${separator}${value}`]),
      ],
    }),
    ...more,
  }
}

/** An example that reads its variables from the environment. */
function server(name, keptIn, more) {
  return {
    name,
    keptIn,
    withTools: true,
    lists: true,
    install: NPM_INSTALL,
    start: (port, variables) => ({ command: more.command, env: { PORT: String(port), ...variables } }),
    ...more,
  }
}

export const examples = [
  server('bun-sqlite', 'one SQLite file', { install: ['bun', 'install'], command: ['bun', 'start'] }),
  server('deno-kv', 'Deno KV', { command: ['deno', 'task', 'start'], variables: { KV_PATH: './sessions.kv' } }),
  server('node-redis', 'Redis', { command: ['npm', 'start'], withTools: false, needsRedis: true }),
  cloudflare('workers-kv', 'Workers KV'),
  cloudflare('workers-d1', 'D1', { lists: true, before: [['npm', 'run', 'schema']] }),
  cloudflare('workers-durable-object', 'a Durable Object', { lists: true }),
  cloudflare('pages', 'Workers KV', { flag: '--binding', separator: '=' }),
]
