// Times sites in many interleaved rounds, so that a disturbance affects all of them.
import { request, SHAPES, SITES, visit } from './sites.mjs'
import { spread } from './statistics.mjs'

/** How many numbers each site gets for each page. */
const ROUNDS = 31
/** How many batches make a round, of which the median counts. */
const BATCHES = 9
/** How long a batch should take, in microseconds: short, so that most batches are left alone by other programs. */
const BATCH = 500
/** How long a site is asked before the first round, in milliseconds. */
const WARM_UP = 400

/** The microseconds that a request takes, in every round: on the bare site all, on others what they take longer. */
export async function times() {
  const report = {}
  for (const shape of SHAPES) {
    report[shape] = {
      read: await timesOf(`/read/${shape}`, `/write/${shape}`),
      'read+write': await timesOf(`/write/${shape}`, `/write/${shape}`),
    }
  }
  return report
}

async function timesOf(path, login) {
  const entrants = []
  for (const { name, store, make } of SITES) {
    const site = make(store?.())
    if (name === 'bare') entrants.push({ name, site, path: '/bare' })
    else entrants.push({ name, site, path, cookie: (await visit(site, login, undefined)).cookie })
  }
  // The bare site gets a cookie too and does not read it.
  entrants[0].cookie = entrants.find(({ name }) => name === 'okibi, memory').cookie
  for (const entrant of entrants) await warmUp(entrant)

  const rounds = entrants.map(({ name }, place) => ({ name, isBare: place === 0, microseconds: [] }))
  for (let round = 0; round < ROUNDS; round += 1) {
    const turns = []
    for (let first = 0; first < BATCHES; first += 1) turns.push(await turn(entrants, first))
    for (const [place, { microseconds }] of rounds.entries()) {
      microseconds.push(tenths(spread(turns.map((turn) => turn[place])).median))
    }
  }
  return rounds
}

/** One batch of each site, beginning with another one each time. */
async function turn(entrants, first) {
  const times = entrants.map(() => 0)
  for (let step = 0; step < entrants.length; step += 1) {
    const place = (first + step) % entrants.length
    times[place] = await batch(entrants[place], entrants[place].requests)
  }
  const [bare] = times
  return times.map((time, place) => (place === 0 ? time : time - bare))
}

/** Microseconds for one request, over a batch. The requests are made before. */
async function batch({ site, path, cookie }, requests) {
  const ready = Array.from({ length: requests }, () => request(path, cookie))
  const start = performance.now()
  for (const request of ready) await site.request(request)
  return ((performance.now() - start) * 1000) / requests
}

/** Lets the compiler see enough of a site, and finds out how many requests make a batch. */
async function warmUp(entrant) {
  const end = performance.now() + WARM_UP
  const seen = []
  while (performance.now() < end) seen.push(await batch(entrant, 5))
  entrant.requests = Math.max(1, Math.round(BATCH / spread(seen.slice(-20)).median))
}

function tenths(value) {
  return Math.round(value * 10) / 10
}
