// Compiles templates, style and icon into `compiled.mjs`, for servers without files: `npm run
// compile` in `examples`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'

const folder = fileURLToPath(new URL('.', import.meta.url))
const target = join(folder, 'compiled.mjs')

/** The files that are sent unchanged. */
const FILES = ['style.css', 'ember.svg']

/** The source of the module: one line for each template and file. */
export function compiled() {
  const root = join(folder, 'templates')
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort()
  const env = new nunjucks.Environment(null, { autoescape: true, throwOnUndefined: true })
  const template = (name) => {
    const text = readFileSync(join(root, name), 'utf8')
    // Nunjucks omits one semicolon, at the end of a line before a loop.
    const wrapper = ([{ template }]) => template.trim().replaceAll('\nfor(', '; for(').replaceAll('\n', ' ')
    return `  ${JSON.stringify(name)}: (() => { ${nunjucks.precompileString(text, { name, env, wrapper })} })(),`
  }
  const file = (name) => `  ${JSON.stringify(name)}: ${JSON.stringify(readFileSync(join(folder, name), 'utf8'))},`
  return [
    '// Made by `npm run compile` in `examples` from templates, style and icon; a test fails if it is out of date.',
    'export const templates = {',
    ...names.map(template),
    '}',
    'export const files = {',
    ...FILES.map(file),
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, compiled())
