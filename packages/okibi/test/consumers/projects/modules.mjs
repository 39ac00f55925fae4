// Prints the modules of an unbundled Worker as JSON: each file, and each bare import as a module.
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const modules = new Map()

function add(file) {
  if (modules.has(file)) return
  const contents = readFileSync(file, 'utf8')
  modules.set(file, { type: 'ESModule', contents })
  for (const [, specifier] of contents.matchAll(/^(?:import|export)\b(?:[^'"]*?\bfrom)?\s*['"]([^'"]+)['"]/gm)) {
    const target = fileURLToPath(import.meta.resolve(specifier, pathToFileURL(file)))
    const alias = join(dirname(file), specifier)
    // workerd has no alias for a compiled module, so each bare name is a copy.
    if (target.endsWith('.wasm')) {
      modules.set(alias, { type: 'CompiledWasm', contents: readFileSync(target).toString('base64') })
      continue
    }
    add(target)
    if (!specifier.startsWith('.')) {
      const path = relative(dirname(alias), target)
      modules.set(alias, { type: 'ESModule', contents: `export * from ${JSON.stringify(`./${path}`)}` })
    }
  }
}

add(join(import.meta.dirname, 'worker.mjs'))
console.log(JSON.stringify([...modules].map(([path, module]) => ({ path, ...module }))))
