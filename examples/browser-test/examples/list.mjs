// The examples: their installation and start commands, and the store name on their pages. Also the
// app of the drop-ins.
import assert from 'node:assert/strict'
import { dropIn } from '../flows/drop-in.mjs'
import { site } from '../flows/site.mjs'

/** The development dependencies of the Cloudflare examples are among the tools. */
const NPM_INSTALL = ['npm', 'install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

/** The command of a wrangler script with these variables. */
function wrangler(script, flag = '--var', separator = ':') {
  return (port, variables) => ({
    command: [
      ...['npm', ...script, '--', '--port', String(port)],
      ...Object.entries(variables).flatMap(([name, value]) => [flag, `${name}${separator}${value}`]),
    ],
  })
}

/** A program that reads its variables from the environment. */
function program(...command) {
  return (port, variables) => ({ command, env: { PORT: String(port), ...variables } })
}

/** Calls the cron trigger of a Worker. wrangler does not do that by itself. */
async function cronEndsWell(server) {
  const answer = await fetch(server.at('/cdn-cgi/local/scheduled', '127.0.0.1'))
  assert.equal(await answer.text(), 'ok')
}

/** With its server store, and with the sealed cookie. */
const BOTH = [false, true]

/**
 * An example.
 *
 * @param {string} name its folder
 * @param {string} keptIn where sessions are stored, as its pages name it
 */
function example(name, keptIn, more) {
  return {
    ...{
      name,
      folder: name,
      keptIn,
      sealed: BOTH,
      sealedIn: 'the sealed cookie',
      flow: site,
      withTools: true,
      lists: false,
      install: NPM_INSTALL,
    },
    ...more,
  }
}

const DROP_IN = { folder: 'browser-test/drop-in', flow: dropIn, sealedIn: 'CookieStore', needsSecret: true }

export const examples = [
  example('bun-sqlite', 'one SQLite file', {
    lists: true,
    install: ['bun', 'install'],
    start: program('bun', 'start'),
  }),
  example('deno-kv', 'Deno KV', {
    lists: true,
    start: program('deno', 'task', 'start'),
    variables: { KV_PATH: './sessions.kv' },
  }),
  example('node-redis', 'Redis', { lists: true, withTools: false, needsRedis: true, start: program('npm', 'start') }),
  example('workers-kv', 'Workers KV', { start: wrangler(['start']) }),
  example('workers-d1', 'D1', {
    lists: true,
    before: [['npm', 'run', 'schema']],
    start: wrangler(['start']),
    also: { 'the cron trigger succeeds': cronEndsWell },
  }),
  example('workers-durable-object', 'a Durable Object', { lists: true, start: wrangler(['start']) }),
  example('pages', 'Workers KV', { start: wrangler(['start'], '--binding', '=') }),
  example('drop-in-node', 'MemoryStore', { ...DROP_IN, withTools: false, start: program('npm', 'start') }),
  example('drop-in-workerd', '', { ...DROP_IN, sealed: [true], start: wrangler(['run', 'worker']) }),
]
