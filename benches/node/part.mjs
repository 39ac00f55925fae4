// Measures one part and writes its result: `part.mjs <part> <folder> <paths of the Rust programs>`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [part, folder, apps, sqlite] = process.argv.slice(2)
if (sqlite === undefined) throw new Error('part.mjs: arguments are missing; run `cargo xtask bench`')
const programs = { apps, sqlite }
const isQuick = process.env.OKIBI_BENCH_QUICK !== undefined

const PARTS = {
  node: async () => {
    const [{ counts }, { engine }, { times }] = [
      await import('./counts.mjs'),
      await import('./engine.mjs'),
      await import('./rounds.mjs'),
    ]
    return { version: process.versions.node, times: await times(), counts: await counts(), engine: engine() }
  },
  iron: async () => (await import('./iron.mjs')).iron(),
  cost: async () => (await import('./cost/run.mjs')).cost(),
  http: async () => (await import('./http/run.mjs')).http({ programs, rounds: isQuick ? 1 : 5 }),
  sqlite: async () => (await import('./sqlite.mjs')).sqlite({ programs, rounds: isQuick ? 2 : 11 }),
  'growth-node': async () => (await import('./growth/run.mjs')).growth(isQuick),
}

writeFileSync(join(folder, `${part}.json`), `${JSON.stringify(await PARTS[part]())}\n`)
