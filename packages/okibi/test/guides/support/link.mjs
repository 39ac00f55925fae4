// Replaces `npm install X Y`: links packages that the repository has installed, and copies the
// packed okibi.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const ours = join(import.meta.dirname, '../../../node_modules')
const tools = join(import.meta.dirname, '../../runtimes/node_modules')
const unpacked = process.env.OKIBI_UNPACKED ?? ''

/** The name in `hono`, `npm:hono@4`, `@hono/node-server`. */
function nameOf(word) {
  return word.replace(/^npm:/, '').replace(/(?<=.)@.*$/, '')
}

/** Where a package is installed. */
function folderOf(name) {
  const found = [tools, ours].map((folder) => join(folder, name)).find((folder) => existsSync(folder))
  if (!found) throw new Error(`${name}: not a package of the repository; the test of a page can install no other`)
  return found
}

function put(name) {
  const place = join('node_modules', name)
  rmSync(place, { recursive: true, force: true })
  mkdirSync(dirname(place), { recursive: true })
  if (name === 'okibi') cpSync(unpacked, place, { recursive: true })
  else symlinkSync(folderOf(name), place)
  const { version, bin = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
  const programs = typeof bin === 'string' ? { [name]: bin } : bin
  mkdirSync('node_modules/.bin', { recursive: true })
  for (const [program, file] of Object.entries(programs)) {
    const link = join('node_modules/.bin', program)
    rmSync(link, { force: true })
    symlinkSync(join('..', name, file), link)
  }
  return version
}

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const manifest = existsSync('package.json') ? JSON.parse(readFileSync('package.json', 'utf8')) : {}
const named =
  words.length > 0 ? words.map(nameOf) : Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
manifest.dependencies ??= {}
for (const name of named) manifest.dependencies[name] = `^${put(name)}`
writeFileSync('package.json', `${JSON.stringify(manifest, null, 2)}\n`)
console.log(`installed ${named.join(', ')}: ${readdirSync('node_modules').length} packages`)
