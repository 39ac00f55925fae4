// Lets okibi's SQLite store and tower-sessions' take turns. Each is a program of its own, because they need two versions
// of one C library.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PAGES = ['read', 'read+write']
/** Visitors that ask at the same time, as with the servers. */
const CROWDS = [64, 8]
/** How long a round of one app is, in milliseconds. */
const ROUND = 300

/** Answers per second in each round, in the shape of the servers' rates. */
export async function sqlite({ programs, rounds }) {
  const rates = []
  for (const visitors of CROWDS) {
    const folder = mkdtempSync(join(tmpdir(), 'okibi-bench-'))
    const apps = [
      await begun('okibi', programs.sqlite, ['race', join(folder, 'okibi.sqlite'), String(visitors)]),
      await begun('tower-sessions', programs.apps, ['race', join(folder, 'peer.sqlite'), String(visitors)]),
    ]
    try {
      const pages = {}
      for (const page of PAGES) pages[page] = await turns(apps, page, rounds)
      rates.push({ name: 'SQLite', visitors, pages })
    } finally {
      for (const app of apps) await app.end()
      rmSync(folder, { recursive: true })
    }
  }
  return { rates }
}

/** The rates of both apps for a page. The first app changes from round to round. */
async function turns(apps, page, rounds) {
  const rows = apps.map(({ name }) => ({ name, rates: [] }))
  for (let round = 0; round <= rounds; round += 1) {
    for (const place of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const rate = await apps[place].rate(page)
      // The first round is a warm-up.
      if (round > 0) rows[place].rates.push(rate)
    }
  }
  return rows
}

async function begun(name, program, given) {
  const child = spawn(program, given, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name}: ended before its answer`)
    return value
  }
  await line()
  return {
    name,
    rate: async (page) => {
      child.stdin.write(`${page} ${ROUND}\n`)
      return Number(await line())
    },
    end: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      await ended
    },
  }
}
