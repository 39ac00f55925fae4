// An example as a user has it: copied beside the site, with the packed okibi instead of the
// published one.
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const examples = fileURLToPath(new URL('../..', import.meta.url))

/** Bun, Deno, wrangler, and the newer Node that wrangler needs. */
const tools = join(examples, '../packages/okibi/test/runtimes/node_modules/.bin')

/** Disables the telemetry and update checks of the tools. */
const QUIET = {
  NO_COLOR: '1',
  CI: 'true',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  DO_NOT_TRACK: '1',
  DENO_NO_UPDATE_CHECK: '1',
}

/** The packed package. */
function tarball() {
  const path = process.env.OKIBI_TARBALL
  if (!path) throw new Error('OKIBI_TARBALL: not set; run `cargo xtask test browser-examples`, which packs the package')
  return resolve(path)
}

/** The folder for all files made here. */
export function workshop() {
  return resolve(dirname(tarball()), '../examples')
}

/** The environment of an example's commands, with the tools if it does not use the installed Node. */
export function environment({ withTools }, more = {}) {
  const path = withTools ? `${tools}${delimiter}${process.env.PATH}` : process.env.PATH
  return { ...process.env, ...QUIET, PATH: path, ...more }
}

/** Empties the folder and copies the site into it. */
export async function prepare() {
  await rm(workshop(), { recursive: true, force: true })
  await copy('site', 'site')
}

/** Copies an example and installs its dependencies. Returns its folder. */
export async function install(example) {
  const folder = await copy(example.folder, example.name)
  const manifest = join(folder, 'package.json')
  const text = await readFile(manifest, 'utf8')
  const changed = text.replace('"okibi": "^0.1.0"', () => `"okibi": ${JSON.stringify(`file:${tarball()}`)}`)
  if (changed === text) throw new Error(`${example.folder}/package.json: does not depend on okibi as its users would`)
  await writeFile(manifest, changed)
  await run(folder, example.install, environment(example))
  for (const command of example.before ?? []) await run(folder, command, environment(example))
  return folder
}

/** Copies a folder of the examples under a name. */
async function copy(source, name) {
  const folder = join(workshop(), name)
  await mkdir(workshop(), { recursive: true })
  const filter = (path) => !['node_modules', '.wrangler'].includes(basename(path))
  await cp(join(examples, source), folder, { recursive: true, filter })
  return folder
}

/** Runs a command to its end. Its output is shown if it fails. */
function run(cwd, [command, ...args], env) {
  return new Promise((done, fail) => {
    execFile(command, args, { cwd, env }, (error, stdout, stderr) => {
      if (error) fail(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
      else done()
    })
  })
}
