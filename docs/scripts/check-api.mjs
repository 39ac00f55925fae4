// Holds `docs/api.md` to the sources: every name in its tables exists, and every public name is in a table.
//
// usage: node check-api.mjs <typedoc's JSON> <rustdoc's folder>
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [typedocFile, rustdoc] = process.argv.slice(2)
const page = readFileSync(join(import.meta.dirname, '../api.md'), 'utf8')

/** The modules of each language. */
const modules = { Rust: ['okibi', 'store', 'compat'], TypeScript: [] }

/** The members of each public type, and the names of each module, by language. */
const known = { Rust: rustNames(), TypeScript: typescriptNames() }

/** The sections of the page that have a table: their types in both languages, and the code of each cell. */
const sections = page.split(/^## /m).flatMap((text) => {
  const names = /<!-- names: (?<rust>.*) \| (?<typescript>.*) -->/.exec(text)?.groups
  if (!names) return []
  const rows = text
    .split('\n')
    .filter((line) => /^\| (?!-|\|)/.test(line))
    .slice(1)
  const cells = rows.map((row) => row.replaceAll('\\|', '¦').split('|').slice(1, -1))
  const column = (index) =>
    cells.flatMap((cell) => [...(cell[index] ?? '').matchAll(/(?<!feature )`([^`]+)`/g)].map(([, code]) => code))
  const types = (list) => list.split(',').map((name) => name.trim())
  return [
    { title: text.split('\n')[0], language: 'Rust', types: types(names.rust), code: column(1) },
    { title: text.split('\n')[0], language: 'TypeScript', types: types(names.typescript), code: column(2) },
  ]
})

const wrong = []
const told = { Rust: new Set(), TypeScript: new Set() }
for (const { title, language, types, code } of sections) {
  const members = types.flatMap((type) => [...(known[language].get(type) ?? missing(title, language, type))])
  for (const text of code) {
    for (const name of text.match(/[A-Za-z_][\w]*/g) ?? []) told[language].add(name)
    const first = firstName(text)
    if (first === undefined || isKnown(language, first, members)) continue
    wrong.push(`docs/api.md: ${title}: \`${text}\`: ${language} has no ${first} in ${types.join(', ')}`)
  }
}
for (const language of ['Rust', 'TypeScript']) {
  const checked = new Set(sections.filter((section) => section.language === language).flatMap(({ types }) => types))
  for (const [type, names] of known[language]) {
    if (!checked.has(type)) continue
    for (const name of names) {
      if (told[language].has(name)) continue
      wrong.push(`docs/api.md: ${language}: ${type} has ${name}, which no table names`)
    }
  }
}
for (const line of wrong) console.log(line)
if (wrong.length > 0) process.exit(1)
console.log(
  `docs/api.md: ${told.Rust.size} names in Rust and ${told.TypeScript.size} in TypeScript are as the sources have them`,
)

function missing(title, language, type) {
  wrong.push(`docs/api.md: ${title}: ${language} has no type ${type}`)
  return []
}

/** The name that a piece of code is about: `idle` of `idle`, `Session::get` of `Session::get(NAME)`; none of `okibi/redis`. */
function firstName(text) {
  if (/^okibi[/-]|^c\.get|^\{|^const |^Data$|^None$|^false$|^undefined$/.test(text)) return undefined
  return /^(?:\.{3}|await )?(?<name>[A-Za-z_]\w*(?:(?:::|\.)[A-Za-z_]\w*)*)/.exec(text)?.groups?.name
}

/** Whether a name is a member of the section's types, a public name, or a member of a type that it names itself. */
function isKnown(language, name, members) {
  const parts = name.split(/::|\./)
  if (parts.length === 1) return members.includes(name) || isPublic(language, name)
  const [member, type] = [parts.at(-1), parts.at(-2)]
  return known[language].get(type)?.has(member) ?? (language === 'TypeScript' && isPublic(language, type))
}

/** Whether any module has this name. */
function isPublic(language, name) {
  return modules[language].some((module) => known[language].get(module)?.has(name))
}

/** The public names of the crate `okibi` and the members of its types, out of what rustdoc writes. */
function rustNames() {
  const names = new Map([['okibi', new Set()]])
  for (const module of ['', 'store', 'compat']) {
    const index = join(rustdoc, 'okibi', module, 'index.html')
    if (!existsSync(index)) continue
    const html = readFileSync(index, 'utf8')
    if (module) names.set(module, new Set())
    const items = html.matchAll(/href="(?<file>(?:struct|enum|trait|fn|constant|type)\.(?<name>\w+)\.html)"/g)
    const inner = [...html.matchAll(/class="mod" href="(?<name>\w+)\/index\.html"/g)].map(({ groups }) => groups.name)
    for (const name of inner) names.get(module || 'okibi').add(name)
    for (const { groups } of items) {
      const { file, name } = groups
      names.get('okibi').add(name)
      if (module) names.get(module).add(name)
      if (/^(struct|enum|trait)/.test(file)) names.set(name, membersIn(join(rustdoc, 'okibi', module, file)))
    }
  }
  return names
}

/** The methods, fields and variants of a type, without those of the traits that it implements. */
function membersIn(file) {
  const html = readFileSync(file, 'utf8')
  const end = html.search(/id="(?:trait-implementations|deref-methods|synthetic-implementations|implementors)/)
  const own = end < 0 ? html : html.slice(0, end)
  const ids = own.matchAll(/id="(?:method|tymethod|structfield|variant|associatedconstant)\.(?<name>\w+)"/g)
  return new Set([...ids].map(({ groups }) => groups.name))
}

/** The public names of every module of the package and the members of its types, out of typedoc's JSON. */
function typescriptNames() {
  const project = JSON.parse(readFileSync(typedocFile, 'utf8'))
  const names = new Map()
  for (const module of project.children ?? []) {
    modules.TypeScript.push(module.name)
    for (const item of module.children ?? []) {
      names.set(module.name, (names.get(module.name) ?? new Set()).add(item.name))
      const members = item.children ?? item.type?.declaration?.children
      // The drop-ins have types of the same names.
      if (members && (module.name === 'okibi' || !names.has(item.name))) {
        names.set(item.name, new Set(members.map(({ name }) => name)))
      }
    }
  }
  return names
}
