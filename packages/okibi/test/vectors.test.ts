// The vectors of the formats, through the engine in WebAssembly, and the view with the same cases
// as the Rust face.
import { describe, expect, test } from 'vitest'
import { RANDOM_BYTES } from '../src/driver.js'
import type { Engine, Reply, SessionHead } from '../src/engine.js'
import { Answer } from '../src/facts/border.js'
import { isInexact, parse } from '../src/json.js'
import { native } from '../src/native.js'
import { View } from '../src/view.js'
import { readVectors as read } from './support/vectors.js'

const NOW = 1_700_000_000_000
const ID = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const random = new Uint8Array(RANDOM_BYTES).fill(7)
const bytes = (text: string) => new TextEncoder().encode(text)

/** The state of the engine after the load of this id. */
function loaded(engine: Engine, record: string, now: number, id = ID): Reply {
  const opened = engine.open(`__Host-session=${id}`, now)
  const reply = engine.load(opened.state, now)
  expect(reply.head.step).toBe('load')
  return engine.answer(reply.state, Answer.loaded, bytes(record), now, random)
}

describe('id', () => {
  const { good, bad } = read<{ good: { text: string; keys: Record<string, string> }[]; bad: string[] }>('id')

  test('n26_s2_store_keys_are_made_from_ids', () => {
    for (const { text, keys } of good) {
      for (const [namespace, key] of Object.entries(keys)) {
        const engine = native.engine({ namespace })
        const opened = engine.open(`__Host-session=${text}`, NOW)
        expect(engine.load(opened.state, NOW).head).toMatchObject({ step: 'load', key })
      }
    }
  })

  test('s3_an_invalid_id_is_never_loaded', () => {
    const engine = native.engine({})
    for (const text of bad.filter((text) => !/^[ \t]|[ \t]$/.test(text))) {
      expect([text, engine.open(`__Host-session=${text}`, NOW).head.unread]).toEqual([text, false])
    }
  })
})

describe('seal', () => {
  type Good = { secret: string; cookie: string; record: string; value: string }
  const { good, ring, cookie, bad } = read<{
    good: Good[]
    ring: string[]
    cookie: string
    bad: Record<string, string>
  }>('seal')

  test('seals_open', () => {
    for (const { secret, cookie, record, value } of good) {
      const engine = native.engine({ secrets: [secret], sealed: true, cookie: { name: cookie } })
      const { head } = engine.open(`${cookie}=${value}`, NOW + 60_000)
      const stored = JSON.parse(record) as { h?: string; d?: unknown }
      if (stored.h === undefined) expect(head.events).toEqual(['undecodable_record'])
      else expect(head.session).toMatchObject({ handle: stored.h, data: stored.d })
    }
  })

  test('s26_s27_a_seal_that_does_not_open_is_no_session', () => {
    const engine = native.engine({ secrets: ring, sealed: true, cookie: { name: cookie } })
    for (const [why, value] of Object.entries(bad)) {
      const { head } = engine.open(`${cookie}=${value}`, NOW)
      expect([why, head.session]).toEqual([why, undefined])
      expect(head.events).toHaveLength(1)
      expect(head.events?.[0]).toMatch(/^(malformed|forged)_cookie$/)
    }
  })
})

test('n19_signed_ids', () => {
  type Good = { secret: string; cookie: string; id: string; value: string }
  const { good, ring, cookie, bad } = read<{
    good: Good[]
    ring: string[]
    cookie: string
    bad: Record<string, string>
  }>('sign')
  for (const { secret, cookie, id, value } of good) {
    const signed = native.engine({ secrets: [secret], cookie: { name: cookie } })
    const bare = native.engine({ cookie: { name: cookie } })
    const key = (engine: Engine, value: string) =>
      engine.load(engine.open(`${cookie}=${value}`, NOW).state, NOW).head.key
    expect(key(signed, value)).toBe(key(bare, id))
  }
  const engine = native.engine({ secrets: ring, cookie: { name: cookie } })
  for (const [why, value] of Object.entries(bad)) {
    const { head } = engine.open(`${cookie}=${value}`, NOW)
    expect([why, head.unread]).toEqual([why, false])
  }
})

test('renewal_markers_open_the_new_id', () => {
  for (const { old, new: next, namespace, n } of read<Record<'old' | 'new' | 'namespace' | 'n', string>[]>('renew')) {
    const engine = native.engine({ namespace })
    const marker = JSON.stringify({ v: 1, w: 'AAECAwQFBgc', r: 'renew', until: NOW + 1000, n })
    const wanted = engine.load(engine.open(`__Host-session=${next}`, NOW).state, NOW).head.key
    expect(loaded(engine, marker, NOW, old).head).toMatchObject({ step: 'load', key: wanted })
    expect(loaded(engine, marker, NOW + 1000, old).head).toMatchObject({ step: 'done', events: ['unknown_id'] })
  }
})

describe('record', () => {
  type Stored = {
    why: string
    json: string
    handle: string
    created: number
    active: number
    idle: number
    deadline: number | null
    expires: number
    persistent: boolean
    owner: string | null
    label: string | null
    data: [name: string, text: string, flash: boolean][]
  }
  const vectors = read<{
    records: Stored[]
    markers: { json: string; moved: string; until: number; next: string | null }[]
    undecodable: Record<string, string>
  }>('record')
  const engine = native.engine({})

  test('records_decode', () => {
    for (const {
      why,
      json,
      data,
      expires,
      deadline,
      owner,
      label,
      handle,
      created,
      active,
      idle,
      persistent,
    } of vectors.records) {
      const { session } = loaded(engine, json, active).head
      expect(session, why).toMatchObject({ handle, created, active, idle, persistent, expiresAt: expires })
      expect([session?.deadline ?? null, session?.owner ?? null, session?.label ?? null], why).toEqual([
        deadline,
        owner,
        label,
      ])
      expect(Object.entries(session?.data ?? {}), why).toEqual(data.map(([name, text]) => [name, parse(text)]))
      expect(session?.flashes, why).toEqual(data.filter(([, , flash]) => flash).flatMap((entry) => entry.slice(0, 2)))
      expect(loaded(engine, json, expires).head.events, why).toEqual(['expired'])
    }
  })

  test('a_value_that_is_only_read_keeps_its_json', () => {
    for (const { why, json, data, active } of vectors.records) {
      const { state } = loaded(engine, json, active)
      const view = new View(engine.limits)
      view.reset(loaded(engine, json, active).head.session, 1)
      for (const name of view.names()) {
        // A number that JavaScript cannot represent is not returned.
        if (isInexact(parse(data.find(([other]) => other === name)?.[1] ?? '')))
          expect(() => view.get(name, false)).toThrow(/cannot hold/)
        else view.get(name, false)
      }
      view.logInPlace()
      expect(view.isChanged, why).toBe(false)
      const written = new TextDecoder().decode(engine.commit(state, '[{"set":["new",1]}]', false, active, random).write)
      for (const [name, text] of data) expect(written, why).toContain(`${JSON.stringify(name)}:${text}`)
    }
  })

  test('markers_of_a_rotation_open_nothing', () => {
    for (const { json, moved, until, next } of vectors.markers) {
      const { head } = loaded(engine, json, until - 1)
      if (moved === 'rotate') expect(head.events).toEqual(['rotated_away'])
      // The new id in this marker is not an encrypted id.
      else expect([next, head.events]).toEqual(['000102', ['undecodable_record']])
    }
  })

  test('s24_an_undecodable_record_is_no_session', () => {
    for (const [why, json] of Object.entries(vectors.undecodable)) {
      const { head } = loaded(engine, json, 0)
      expect([why, head.session, head.events]).toEqual([why, undefined, ['undecodable_record']])
    }
  })
})

describe('cookies', () => {
  type Case = { why: string; options: Record<string, unknown>; now: number; set: string; remove: string }
  const vectors = read<{
    candidates: { why: string; header: string; loads: boolean; events: string[] }[]
    set: Case[]
    refused: { options: Record<string, unknown>; says: string }[]
  }>('cookies')

  test('s3_s12_candidates', () => {
    const engine = native.engine({})
    for (const { why, header, loads, events } of vectors.candidates) {
      const { head } = engine.open(header, NOW)
      expect([why, head.unread, head.events ?? []]).toEqual([why, loads, events])
    }
  })

  test('n8_s8_set_and_removed', () => {
    for (const { why, options, now, set, remove } of vectors.set) {
      const engine = native.engine(options)
      // The random bytes are a handle, the id, and a write tag.
      const random = Uint8Array.from({ length: RANDOM_BYTES }, (_, at) => (at < 16 ? 7 : at - 16))
      const written = engine.commit(engine.empty, '[{"set":["n",1]}]', false, now, random)
      expect(engine.answer(written.state, Answer.done, undefined, now, random).head.cookies, why).toEqual([set])
      const opened = engine.open(`${engine.cookieName}=${ID}`, now)
      const reply = engine.commit(opened.state, '["destroy"]', false, now, random)
      expect(engine.answer(reply.state, Answer.loaded, undefined, now, random).head.cookies, why).toEqual([remove])
    }
  })

  test('s8_s9_s10_refused', () => {
    for (const { options, says } of vectors.refused) {
      let message = ''
      try {
        native.engine(options)
      } catch (error) {
        message = (error as Error).message
      }
      expect(message).toContain(says)
    }
  })
})

test('s14_vary_and_cache_control', () => {
  const { vary, cacheControl, live } =
    read<Record<'vary' | 'cacheControl' | 'live', [string, string | null][]>>('cache')
  const engine = native.engine({})
  for (const [present, wanted] of vary) expect([present, engine.vary(present)]).toEqual([present, wanted])
  for (const [present, wanted] of cacheControl)
    expect([present, engine.cacheControl(present, true, false)]).toEqual([present, wanted])
  for (const [present, wanted] of live)
    expect([present, engine.cacheControl(present, false, true)]).toEqual([present, wanted])
})

describe('replay', () => {
  type Step = string | Record<string, unknown>
  interface Case {
    why: string
    before: Record<string, unknown>
    flashes?: string[]
    log: Step[]
    after?: Record<string, unknown>
    afterPairs?: [string, unknown][]
    flashesAfter?: string[]
    newSession?: boolean
  }
  const cases = read<Case[]>('replay')
  const wanted = ({ after, afterPairs }: Case) => sorted(afterPairs ?? Object.entries(after ?? {}))
  const record = ({ before, flashes = [] }: Case) =>
    JSON.stringify({
      ...{ v: 1, w: 'AAECAwQFBgc', h: 'AAECAwQFBgcICQoLDA0ODw', c: NOW, a: NOW, i: 3_600_000 },
      ...{ d: before, f: flashes },
    })

  test('the_engine_writes_the_expected_record', () => {
    const engine = native.engine({})
    for (const vector of cases) {
      let reply = engine.commit(
        loaded(engine, record(vector), NOW).state,
        JSON.stringify(vector.log),
        false,
        NOW,
        random,
      )
      while (reply.head.step !== 'done') {
        const kind = reply.head.step === 'delete' ? Answer.deleted : Answer.done
        expect(reply.head.error, vector.why).toBeUndefined()
        reply = engine.answer(reply.state, kind, undefined, NOW, random)
      }
      const { session } = reply.head
      expect(sorted(Object.entries(session?.data ?? {})), vector.why).toEqual(wanted(vector))
      const flashes = (session?.flashes ?? []).filter((_, at) => at % 2 === 0)
      expect(flashes, vector.why).toEqual(vector.flashesAfter ?? [])
      expect(session?.handle === 'AAECAwQFBgcICQoLDA0ODw', vector.why).toBe(!vector.newSession)
    }
  })

  test('the_view_shows_the_expected_values', () => {
    const engine = native.engine({})
    let played = 0
    for (const vector of cases) {
      const view = new View(engine.limits)
      // A flash is read in the first session. The commit then meets another record.
      view.reset(withFlashes(vector.log), 0)
      if (!vector.log.every((step) => play(view, step))) continue
      played += 1
      view.reset(loaded(engine, record(vector), NOW).head.session, 1)
      expect(sorted(view.names().map((name) => [name, view.get(name, false)])), vector.why).toEqual(wanted(vector))
    }
    // An update in TypeScript has one name, and sets its value.
    expect(cases.length - played).toBe(2)
  })

  /** A session with only the flashes that the log reads. */
  function withFlashes(log: readonly Step[]): SessionHead {
    const reads = log.flatMap((step) => (typeof step === 'object' && 'read_flash' in step ? [step.read_flash] : []))
    const pairs = reads as [string, unknown][]
    return {
      ...{ handle: '', created: 0, active: 0, expiresAt: 0, idle: 0, persistent: true, touchDueAt: 0, due: false },
      data: Object.fromEntries(pairs),
      bytes: 0,
      flashes: pairs.flatMap(([name, value]) => [name, JSON.stringify(value)]),
    }
  }

  /** Applies a step of a log to a view. Returns whether the view has such a step. */
  function play(view: View, step: Step): boolean {
    if (typeof step === 'string') {
      view[step as 'clear' | 'destroy']()
      return true
    }
    const [[kind, body] = ['', undefined]] = Object.entries(step)
    switch (kind) {
      case 'set':
      case 'flash':
        view[kind](...(body as [string, unknown]))
        return true
      case 'remove':
        view.remove(body as string)
        return true
      case 'read_flash':
        view.get((body as [string])[0], true)
        return true
      case 'update': {
        const { name, patch } = body as { name: string | null; patch: unknown[][] }
        if (name === null || patch[0]?.length !== 2) return false
        view.update(name, () => patch[0]?.[1])
        return true
      }
      default:
        view.changeSession(JSON.stringify(step))
        return true
    }
  }
})

function sorted(pairs: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[] {
  return [...pairs].sort(([one], [other]) => (one < other ? -1 : 1))
}
