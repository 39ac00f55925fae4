// The command line.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'

/** An invalid argument. The message has its name, its value and the fix. */
export class WrongArgument extends Error {}

const OPTIONS = {
  listen: { type: 'string', default: '127.0.0.1:3001' },
  'other-port': { type: 'string' },
  store: { type: 'string', default: 'sqlite' },
  database: { type: 'string' },
  'secret-file': { type: 'string' },
  'exit-with-stdin': { type: 'boolean', default: false },
}

/** Parses the arguments. Throws a `WrongArgument`. */
export function argumentsFrom(given) {
  const values = parsed(given)
  const { store, database, 'secret-file': secretFile } = values
  if (store !== 'sqlite' && store !== 'cookie') throw wrong(`--store ${store}: unknown; use sqlite or cookie`)
  if (store === 'sqlite' && !database) throw wrong('--store sqlite: needs a file; add --database <file>')
  if (store === 'cookie' && !secretFile) throw wrong('--store cookie: needs a secret; add --secret-file <file>')
  return {
    listen: address(values.listen),
    otherPort: values['other-port'] === undefined ? undefined : port('--other-port', values['other-port']),
    store,
    database,
    secretFile,
    secrets: store === 'cookie' ? secrets(secretFile) : [],
    exitWithStdin: values['exit-with-stdin'],
  }
}

function parsed(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (error) {
    throw wrong(`${error.message.split('\n')[0]}; examples/site/README.md lists the arguments`)
  }
}

function address(listen) {
  const [, hostname, number] = /^(.*):(.*)$/.exec(listen) ?? []
  if (!isIP(hostname))
    throw wrong(`--listen ${listen}: not an address; give an address and a port such as 127.0.0.1:3001`)
  return { hostname, port: port(`--listen ${hostname}:`, number) }
}

function port(name, text) {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= 65535) return number
  throw wrong(`${name} ${text}: not a port; give a port such as 3000`)
}

/** One secret a line. The first one seals, all of them open. */
function secrets(file) {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/).filter(Boolean)
  } catch (error) {
    throw wrong(`--secret-file ${file}: ${error.message}; write one of at least 32 bytes into it`)
  }
}

function wrong(text) {
  return new WrongArgument(text)
}
