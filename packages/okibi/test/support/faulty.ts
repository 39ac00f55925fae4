// A small correct store on virtual time, and defects to plant in it, with the names that
// crates/okibi-contract uses.
import { StoreError } from '../../src/errors.js'
import type { Consistency, Loaded, OwnerIndex, Store, Swap, Write } from '../../src/store.js'

/** A defect of a store. */
export type Defect =
  // Swaps and deletes.
  | 'NoCompare'
  | 'CreateOverwrites'
  | 'ConflictWithoutBytes'
  | 'ConflictIsWritten'
  | 'ConflictRenewsExpiry'
  | 'ExpectedOnAbsentCreates'
  | 'RefusesSameBytes'
  | 'DeleteDoesNothing'
  | 'DeleteOfAbsentFails'
  | 'DeleteTakesNeighbour'
  | 'LoadFails'
  // Bytes and keys.
  | 'TextOnly'
  | 'CutsAtNul'
  | 'CutsLongValues'
  | 'CutsHugeValues'
  | 'RefusesHugeAfterWriting'
  | 'RefusesHugeAsUnknown'
  | 'EmptyIsAbsent'
  | 'ComparesWithoutCase'
  | 'KeysWithoutCase'
  | 'KeysCutShort'
  | 'KeysTrimmed'
  | 'KeysWithoutAccents'
  // Expiry.
  | 'ForgetsExpiryOnLoad'
  | 'ExpiredBlocksCreation'
  | 'FirstExpiryStays'
  | 'ExpiryOnlyGrows'
  | 'ExpiryIn32Bits'
  | 'ReportsOtherExpiry'
  | 'RefusesPastExpiry'
  | 'RefusesNever'
  // Concurrency.
  | 'SwapInTwoSteps'
  | 'CreateInTwoSteps'
  | 'ExpiredCreateInTwoSteps'
  | 'WritesInTwoHalves'
  | 'LosesNeighbours'
  | 'StaleReads'
  | 'LocksOneInstance'
  | 'InstancesApart'
  | 'AbandonedDeleteIsHalf'
  // Owners.
  | 'UnknownOwnerFails'
  | 'OwnersNotListed'
  | 'OwnersOnlyOnCreation'
  | 'FormerOwnerStays'
  | 'MarkerKeepsOwner'
  | 'DeletedStaysListed'
  | 'RefusedChangesOwner'
  | 'OwnersWithoutCase'
  | 'OwnersWithoutAccents'
  | 'OwnersTrimmed'
  | 'OwnersListedTwice'
  | 'OwnersListCut'
  | 'OwnersGapOnWrite'
  // Purge.
  | 'PurgeDoesNothing'
  | 'PurgeTakesLiving'
  | 'PurgeLeavesOwned'
  | 'PurgeCountsOne'
  | 'PurgeInTwoSteps'
  | 'PurgeByFirstExpiry'
  | 'PurgeTakesOldMarkers'
  // Time.
  | 'LoadNeverAnswers'
  | 'SwapNeverAnswers'

/** The most bytes of some column types. */
const HUGE = 1_000_000

interface Row {
  bytes: Uint8Array
  expiresAt: number
  owner: string | undefined
}

class Tables {
  readonly rows = new Map<string, Row>()
  /** The row before its last change, for stale reads. */
  readonly before = new Map<string, Row | undefined>()
  /** The first expiry of the session of each key. */
  readonly first = new Map<string, number>()
  /** The owners that list a key. */
  readonly owners = new Map<string, Set<string>>()
}

const text = (bytes: Uint8Array | undefined) => (bytes ? String.fromCharCode(...bytes.subarray(0, 4000)) : undefined)
const never = () => new Promise<never>(() => undefined)
const pause = () => new Promise<void>((resolve) => setImmediate(resolve))
const withoutAccents = (name: string) =>
  name.replaceAll('\u{301}', '').replaceAll('\u{e9}', 'e').replaceAll('\u{c9}', 'E')

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (!one || !other) return one === other
  return Buffer.compare(one, other) === 0
}

/** A store with one defect or none. */
export class Faulty implements Store {
  readonly #defect: Defect | undefined
  readonly consistency: Consistency
  readonly #now: () => number
  #tables = new Tables()
  #isBusy = false

  constructor(defect: Defect | undefined, consistency: Consistency, now: () => number) {
    this.#defect = defect
    this.consistency = consistency
    this.#now = now
  }

  /** Another instance on the same tables. */
  twin(): Faulty {
    const twin = new Faulty(this.#defect, this.consistency, this.#now)
    if (!this.#has('InstancesApart')) twin.#tables = this.#tables
    return twin
  }

  #has(...defects: Defect[]): boolean {
    return this.#defect !== undefined && defects.includes(this.#defect)
  }

  #spelled(key: string): string {
    if (this.#has('KeysWithoutCase')) return key.toLowerCase()
    if (this.#has('KeysTrimmed')) return key.trimEnd()
    if (this.#has('KeysWithoutAccents')) return withoutAccents(key)
    return this.#has('KeysCutShort') ? key.slice(0, 255) : key
  }

  #ownerSpelled(owner: string): string {
    if (this.#has('OwnersWithoutCase')) return owner.toLowerCase()
    if (this.#has('OwnersWithoutAccents')) return withoutAccents(owner)
    return this.#has('OwnersTrimmed') ? owner.trim() : owner
  }

  #stored(bytes: Uint8Array): Uint8Array {
    if (this.#has('TextOnly')) return new TextEncoder().encode(new TextDecoder().decode(bytes))
    if (this.#has('CutsAtNul') && bytes.includes(0)) return bytes.slice(0, bytes.indexOf(0))
    if (this.#has('CutsLongValues')) return bytes.slice(0, 65_535)
    if (this.#has('CutsHugeValues', 'RefusesHugeAfterWriting')) return bytes.slice(0, HUGE)
    return bytes.slice()
  }

  #live(key: string, row: Row | undefined = this.#tables.rows.get(key)): Row | undefined {
    if (!row || (row.bytes.length === 0 && this.#has('EmptyIsAbsent'))) return undefined
    return row.expiresAt > this.#now() ? row : undefined
  }

  async load(given: string): Promise<Loaded | undefined> {
    if (this.#has('LoadFails')) throw new StoreError('unavailable', 'planted')
    if (this.#has('LoadNeverAnswers')) return never()
    const key = this.#spelled(given)
    const { rows, before } = this.#tables
    const held = this.#has('StaleReads') && before.has(key) ? before.get(key) : rows.get(key)
    const row = this.#has('ForgetsExpiryOnLoad') ? held : held && this.#live(key, held)
    const off = this.#has('ReportsOtherExpiry') ? 60_000 : 0
    return row && { bytes: row.bytes.slice(), expiresAt: row.expiresAt + off }
  }

  async swap(given: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const key = this.#spelled(given)
    if (this.#has('SwapNeverAnswers')) return never()
    if (this.#has('RefusesPastExpiry') && write.expiresAt <= this.#now()) throw new StoreError('unavailable', 'planted')
    if (this.#has('RefusesNever') && write.expiresAt === 8.64e15) throw new StoreError('unavailable', 'planted')
    if (this.#has('RefusesHugeAsUnknown') && write.bytes.length > HUGE) throw new StoreError('unknown', 'planted')
    if (this.#has('LocksOneInstance')) {
      while (this.#isBusy) await pause()
      this.#isBusy = true
    }
    const refused = this.#refusal(key, expected, write)
    if (refused) {
      this.#isBusy = false
      return refused
    }
    const isNew = expected === undefined
    const inTwoSteps =
      this.#has('LocksOneInstance') ||
      (this.#has('SwapInTwoSteps') && !isNew) ||
      (this.#has('CreateInTwoSteps') && isNew) ||
      (this.#has('ExpiredCreateInTwoSteps') && isNew && this.#tables.rows.has(key))
    if (this.#has('WritesInTwoHalves')) this.#put(key, write, write.bytes.slice(0, write.bytes.length / 2))
    // Other calls run in between, and the row is not read again.
    if (inTwoSteps || this.#has('WritesInTwoHalves')) await pause()
    this.#put(key, write, this.#stored(write.bytes))
    this.#isBusy = false
    if (this.#has('OwnersGapOnWrite')) await this.#listLate(key, write)
    if (this.#has('RefusesHugeAfterWriting') && write.bytes.length > HUGE)
      throw new StoreError('unavailable', 'planted')
    return { done: true }
  }

  /** The answer to a swap that must be refused. */
  #refusal(key: string, expected: Uint8Array | undefined, write: Write): Swap | undefined {
    const row = this.#tables.rows.get(key)
    const live = this.#live(key)
    let may = isSame(live?.bytes, expected)
    if (live && expected === undefined) may = this.#has('CreateOverwrites', 'NoCompare')
    else if (live && this.#has('NoCompare')) may = true
    else if (live && this.#has('ComparesWithoutCase'))
      may = text(live.bytes)?.toLowerCase() === text(expected)?.toLowerCase()
    else if (!live && expected !== undefined) may = this.#has('ExpectedOnAbsentCreates')
    if (live && isSame(live.bytes, write.bytes) && this.#has('RefusesSameBytes')) may = false
    if (row && !live && this.#has('ExpiredBlocksCreation')) may = false
    if (may) return undefined
    const current = this.#has('ConflictWithoutBytes') ? undefined : live?.bytes.slice()
    if (this.#has('ConflictIsWritten')) this.#put(key, write, write.bytes)
    if (this.#has('ConflictRenewsExpiry') && row) row.expiresAt = write.expiresAt
    if (this.#has('RefusedChangesOwner') && write.owner !== undefined) this.#enter(write.owner, key)
    return { done: false, current }
  }

  #put(key: string, write: Write, bytes: Uint8Array): void {
    const { rows, before } = this.#tables
    const row = rows.get(key)
    const old = row && row.expiresAt > this.#now() ? row.expiresAt : undefined
    let { expiresAt } = write
    if (old !== undefined && this.#has('FirstExpiryStays')) expiresAt = old
    if (old !== undefined && this.#has('ExpiryOnlyGrows')) expiresAt = Math.max(old, expiresAt)
    if (this.#has('ExpiryIn32Bits')) expiresAt = (Math.floor(expiresAt / 1000) % 2 ** 31) * 1000 + 999
    if (old === undefined) this.#tables.first.set(key, write.expiresAt)
    before.set(key, row)
    rows.set(key, { bytes, expiresAt, owner: write.owner })
    if (this.#has('LosesNeighbours')) this.#loseNeighbour(key)
    const keeps =
      (this.#has('FormerOwnerStays') && write.owner !== undefined) ||
      (this.#has('MarkerKeepsOwner') && write.owner === undefined)
    if (!keeps) this.#strike(key)
    const skip = this.#has('OwnersNotListed') || (this.#has('OwnersOnlyOnCreation') && row !== undefined)
    if (write.owner !== undefined && !skip) this.#enter(write.owner, key)
  }

  #enter(owner: string, key: string): void {
    const { owners } = this.#tables
    owners.set(key, (owners.get(key) ?? new Set()).add(this.#ownerSpelled(owner)))
  }

  /** Removes a key from every list. */
  #strike(key: string): void {
    this.#tables.owners.delete(key)
  }

  /** Removes a session from its owner's list for a moment. */
  async #listLate(key: string, write: Write): Promise<void> {
    if (write.owner === undefined) return
    this.#strike(key)
    await pause()
    if (isSame(this.#tables.rows.get(key)?.bytes, write.bytes)) this.#enter(write.owner, key)
  }

  #loseNeighbour(key: string): void {
    const neighbour = [...this.#tables.rows.keys()].findLast((held) => held !== key)
    if (neighbour !== undefined) this.#tables.rows.delete(neighbour)
  }

  async delete(given: string): Promise<void> {
    const key = this.#spelled(given)
    const { rows, before } = this.#tables
    const row = rows.get(key)
    if (this.#has('DeleteDoesNothing')) return
    if (this.#has('DeleteOfAbsentFails') && !row) throw new StoreError('unavailable', 'planted')
    if (this.#has('DeleteTakesNeighbour')) this.#loseNeighbour(key)
    if (this.#has('AbandonedDeleteIsHalf') && row) {
      row.bytes = new Uint8Array()
      await pause()
    }
    before.set(key, row)
    rows.delete(key)
    if (!this.#has('DeletedStaysListed')) this.#strike(key)
  }

  readonly owners: OwnerIndex = {
    list: async (given) => {
      const owner = this.#ownerSpelled(given)
      const keys = [...this.#tables.owners].filter(([, held]) => held.has(owner)).map(([key]) => key)
      if (keys.length === 0 && this.#has('UnknownOwnerFails')) throw new StoreError('unavailable', 'planted')
      if (this.#has('OwnersListedTwice')) return [...keys, ...keys]
      return this.#has('OwnersListCut') ? keys.slice(0, 100) : keys
    },
  }

  async purge(): Promise<number> {
    const { rows } = this.#tables
    let gone = [...rows].filter(([, { expiresAt }]) => expiresAt <= this.#now()).map(([key]) => key)
    if (this.#has('PurgeDoesNothing')) return 0
    if (this.#has('PurgeTakesLiving')) gone.push([...rows.keys()].at(-1) ?? '')
    if (this.#has('PurgeLeavesOwned')) gone = gone.filter((key) => rows.get(key)?.owner === undefined)
    if (this.#has('PurgeInTwoSteps')) await pause()
    if (this.#has('PurgeByFirstExpiry')) {
      for (const [key, first] of this.#tables.first) if (first <= this.#now()) gone.push(key)
    }
    if (this.#has('PurgeTakesOldMarkers')) {
      for (const [key, { bytes }] of rows) {
        const [, until] = /"until":(\d+)/.exec(new TextDecoder().decode(bytes)) ?? []
        if (until !== undefined && Number(until) <= this.#now()) gone.push(key)
      }
    }
    for (const key of gone) {
      rows.delete(key)
      this.#strike(key)
    }
    return this.#has('PurgeCountsOne') ? 1 : gone.length
  }
}
