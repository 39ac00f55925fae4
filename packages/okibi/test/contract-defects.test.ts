// The contract suite finds every defect that is planted in a correct store, and names the broken
// rule.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ContractOptions, storeContract } from '../src/contract.js'
import type { Consistency, Store } from '../src/store.js'
import { memoryStore } from '../src/stores/memory.js'
import { type Defect, Faulty } from './support/faulty.js'
import { readVectors } from './support/vectors.js'

const HUGE = 'a value of 1 MiB comes back whole or is refused as a whole'
const LITERAL_KEY = 'a key with spaces, quotes or accents is taken literally'
const LITERAL_OWNER = 'the name of an owner is taken literally'
const INSTANCES = 'what one instance of the store writes, another sees at once'
const ABANDONED_SWAP = 'a swap that nobody waits for is done or not, never half'
const ABANDONED = 'a load or delete that nobody waits for leaves the store usable'
const LISTED = "a live session is on its owner's list while it is written"
const PURGE = 'a purge drops what has expired, leaves what lives, and says how many'
const PURGE_MARKERS = 'a purge keeps what a session that ended left until that expires'
const PURGE_BESIDE = 'a purge takes nothing that is written meanwhile'
const INCREMENTS = 'a hundred increments at once make a hundred'
const FIRST_READ = 'an absent key loads as nothing'
const BYTES = 'bytes come back as they were written'

/** Each defect, and a rule that it breaks. */
const PLANTED: readonly (readonly [Defect, string])[] = [
  ['NoCompare', 'a swap that expects something else is refused'],
  ['CreateOverwrites', 'a creation that arrives late is refused by what lies there since'],
  ['CreateOverwrites', 'a swap that expects nothing is refused where something lies'],
  ['ConflictWithoutBytes', 'a swap that expects something else is refused'],
  ['ConflictIsWritten', 'a swap that expects something else is refused'],
  ['ConflictRenewsExpiry', 'a refused swap changes neither bytes nor expiry'],
  ['ExpectedOnAbsentCreates', 'a swap that expects something where nothing lies is refused'],
  ['RefusesSameBytes', 'a swap may write the very bytes that lie there'],
  ['DeleteDoesNothing', 'a delete removes whatever the key holds'],
  ['DeleteOfAbsentFails', 'a delete of an absent key is no error'],
  ['DeleteTakesNeighbour', 'a delete leaves other keys alone'],
  ['LoadFails', FIRST_READ],
  ['TextOnly', BYTES],
  ['CutsAtNul', BYTES],
  ['CutsLongValues', 'a value of 64 KiB comes back whole'],
  ['EmptyIsAbsent', 'a value of no bytes is not an absent value'],
  ['ComparesWithoutCase', 'every byte of the expected value counts'],
  ['KeysWithoutCase', 'every character of a key counts'],
  ['KeysCutShort', 'every character of a key counts'],
  ['ForgetsExpiryOnLoad', 'an expired session loads as nothing'],
  ['ExpiredBlocksCreation', 'an expired session counts as absent for a swap'],
  ['ExpiredBlocksCreation', 'a key that expired starts anew'],
  ['FirstExpiryStays', 'a later expiry replaces an earlier one'],
  ['ExpiryOnlyGrows', 'an earlier expiry replaces a later one'],
  ['ExpiryIn32Bits', 'an expiry beyond the year 2038 is kept'],
  ['ReportsOtherExpiry', 'an expiry that the store reports is the one that was written'],
  ['RefusesPastExpiry', 'a session written already expired is never seen'],
  ['SwapInTwoSteps', INCREMENTS],
  ['SwapInTwoSteps', 'of a hundred swaps at once, one wins'],
  ['SwapInTwoSteps', 'a swap never brings back what a delete removed'],
  ['CreateInTwoSteps', 'of a hundred creations at once, one wins'],
  ['ExpiredCreateInTwoSteps', 'one of many takes the place of an expired session'],
  ['WritesInTwoHalves', ABANDONED_SWAP],
  ['LosesNeighbours', "different keys don't disturb each other"],
  ['StaleReads', 'a swap that expects nothing creates'],
  ['StaleReads', 'a swap that expects what lies there replaces it'],
  ['LocksOneInstance', INCREMENTS],
  ['InstancesApart', INSTANCES],
  ['UnknownOwnerFails', 'an owner without sessions has an empty list'],
  ['OwnersNotListed', 'a session is listed under its owner'],
  ['OwnersOnlyOnCreation', 'a session that gains an owner is listed'],
  ['FormerOwnerStays', 'a change of owner moves the session to the other list'],
  ['FormerOwnerStays', 'a key that expired is listed under its new owner only'],
  ['MarkerKeepsOwner', 'a write without an owner takes the session off the list'],
  ['DeletedStaysListed', 'a delete takes the session off the list'],
  ['RefusedChangesOwner', 'a refused swap changes no owner'],
  ['OwnersWithoutCase', LITERAL_OWNER],
  ['OwnersTrimmed', LITERAL_OWNER],
  ['OwnersListedTwice', 'all sessions of an owner are listed, once each'],
  ['OwnersListCut', 'all sessions of an owner are listed, once each'],
  ['PurgeTakesLiving', PURGE],
]

/** Each defect that breaks one rule only, and that rule. */
const FOUND_BY_ONE: readonly (readonly [Defect, string])[] = [
  ['CutsHugeValues', HUGE],
  ['RefusesHugeAfterWriting', HUGE],
  ['RefusesHugeAsUnknown', HUGE],
  ['RefusesNever', 'a session that never expires is kept'],
  ['KeysTrimmed', LITERAL_KEY],
  ['KeysWithoutAccents', LITERAL_KEY],
  ['OwnersWithoutAccents', LITERAL_OWNER],
  ['AbandonedDeleteIsHalf', ABANDONED],
  ['OwnersGapOnWrite', LISTED],
  ['PurgeDoesNothing', PURGE],
  ['PurgeLeavesOwned', PURGE],
  ['PurgeCountsOne', PURGE],
  ['PurgeInTwoSteps', PURGE_BESIDE],
  ['PurgeByFirstExpiry', PURGE_MARKERS],
  ['PurgeTakesOldMarkers', PURGE_MARKERS],
]

function clock() {
  let now = 1_790_000_000_000
  return {
    now: () => now,
    advance: (millis: number) => {
      now += millis
    },
  }
}

type Report = ReadonlyMap<string, string>

/**
 * The result of each rule: `kept`, the reason why it does not apply, or `BROKEN` and the finding.
 */
async function report(store: Store, options: ContractOptions): Promise<Report> {
  const outcomes = new Map<string, string>()
  for (const { name, check } of storeContract(store, options)) {
    outcomes.set(
      name,
      await check().then(
        (excuse) => excuse ?? 'kept',
        ({ message }: Error) => `BROKEN: ${message}`,
      ),
    )
  }
  return outcomes
}

function run(defect: Defect | undefined, consistency: Consistency = 'strong', limit = 250): Promise<Report> {
  const time = clock()
  const store = new Faulty(defect, consistency, time.now)
  return report(store, { clock: time, another: store.twin(), limit })
}

/** The run of each defect, which is made once. */
const runs = new Map<Defect, Promise<Report>>()

function runWith(defect: Defect): Promise<Report> {
  const found = runs.get(defect) ?? run(defect)
  runs.set(defect, found)
  return found
}

const brokenIn = (found: Report) => [...found].filter(([, what]) => what.startsWith('BROKEN')).map(([rule]) => rule)

test('the rules have the same names as in Rust', async () => {
  const rules = storeContract(memoryStore(), { another: memoryStore() }).map(({ name }) => name)
  expect(rules).toEqual(readVectors('contract'))
})

test('a correct store keeps every rule', async () => {
  expect([...(await run(undefined)).values()].filter((what) => what !== 'kept')).toEqual([])
})

describe('a planted defect is found', () => {
  const proven = new Set<string>()
  for (const [defect, rule] of [...PLANTED, ...FOUND_BY_ONE]) {
    test(`${defect}: ${rule}`, async () => {
      const broken = brokenIn(await runWith(defect))
      for (const rule of broken) proven.add(rule)
      expect(broken).toContain(rule)
    })
  }
  test('every rule finds a planted defect', () => {
    expect(readVectors<string[]>('contract').filter((rule) => !proven.has(rule))).toEqual([])
  })
})

test.each(FOUND_BY_ONE)('%s is found by one rule alone', async (defect, rule) => {
  expect(brokenIn(await runWith(defect))).toEqual([rule])
})

test('a store without compare-and-swap is excused from the rules about it, and from no others', async () => {
  const found = await run('SwapInTwoSteps', 'no-swap')
  expect(brokenIn(found)).toEqual([])
  expect([...found.values()].filter((what) => what === 'the store has no compare-and-swap')).toHaveLength(5)
})

test('an eventually consistent store is excused from the rules about consistency', async () => {
  const found = await run(undefined, 'eventual')
  expect(brokenIn(found)).toEqual([])
  expect([...found.values()].filter((what) => what === 'the store is eventually consistent')).toHaveLength(8)
})

test('the rules about optional methods do not apply to a store without them', async () => {
  const memory = memoryStore()
  const bare: Store = {
    consistency: 'strong',
    load: (key) => memory.load(key),
    swap: (key, expected, write) => memory.swap(key, expected, write),
    delete: (key) => memory.delete(key),
  }
  const found = await report(bare, {})
  expect(brokenIn(found)).toEqual([])
  expect(found.get(PURGE)).toBe('the store has nothing to purge')
  expect(found.get(LISTED)).toBe("the store can't list by owner")
  expect(found.has(INSTANCES)).toBe(false)
})

test.each([
  ['LoadNeverAnswers', FIRST_READ],
  ['SwapNeverAnswers', 'a swap that expects nothing creates'],
] as const)('s23: %s is a finding and does not hang the suite', async (defect, rule) => {
  const found = await run(defect, 'strong', 30)
  expect(found.get(rule)).toBe("BROKEN: no answer within 30 ms, which is the suite's limit for a call")
  expect(found.get(PURGE_BESIDE)).toBe('BROKEN: not tried, as the store had stopped answering')
})

test('s23: a rule has a time limit', async () => {
  const time = clock()
  const inner = new Faulty(undefined, 'strong', time.now)
  const slow: Store = {
    consistency: 'strong',
    load: async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return inner.load(key)
    },
    swap: (key, expected, write) => inner.swap(key, expected, write),
    delete: (key) => inner.delete(key),
  }
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let isOver = false
  const reporting = report(slow, { clock: time, limit: 20 }).finally(() => {
    isOver = true
  })
  while (!isOver) await vi.advanceTimersByTimeAsync(1)
  const found = await reporting
  expect(found.get(FIRST_READ)).toBe('kept')
  expect(found.get('every character of a key counts')).toBe(
    "BROKEN: not done within 300 ms, which is the suite's limit for a rule",
  )
})

test('rules that wait for real time wait concurrently', async () => {
  const started = performance.now()
  expect(brokenIn(await report(memoryStore(), {}))).toEqual([])
  expect(performance.now() - started).toBeLessThan(4000)
})

test('an invalid limit is an error that names it', () => {
  for (const limit of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => storeContract(memoryStore(), { limit })).toThrow(`limit of ${limit}: must be a number of milliseconds`)
  }
})
