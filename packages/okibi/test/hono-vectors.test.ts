// The formats of the older dialects, as `vectors/hono.json` has them. The Rust tests read it too.
import { expect, test } from 'vitest'
import { compat } from '../src/compat.js'
import { RANDOM_BYTES } from '../src/driver.js'
import { Answer } from '../src/facts/border.js'
import { readVectors } from './support/vectors.js'

interface Case {
  readonly why: string
  readonly options: Readonly<Record<string, unknown>>
  readonly host?: string
  readonly header: string
  readonly key: string | null
  readonly record: string
  readonly values: unknown
  readonly set: readonly [name: string, value: unknown]
  readonly written: string
  readonly cookies: readonly string[]
}

const { now, cases } = readVectors<{ now: number; cases: Case[] }>('hono')
const random = new Uint8Array(RANDOM_BYTES).fill(7)

test.each(cases)('n24: $why', ({ options, host, header, key, record, values, set, written, cookies }) => {
  const engine = compat.engine(options)
  const opened = engine.open(header, now, true, host)
  if (key === null) {
    expect(opened.head).toMatchObject({ step: 'done', unread: false })
    expect(opened.head.session).toBeUndefined()
    return
  }
  expect(opened.head).toMatchObject({ step: 'load', key })
  const loaded = engine.answer(opened.state, Answer.loaded, record, now, random)
  expect(loaded.head.session?.data).toEqual(values)
  const reply = engine.commit(loaded.state, JSON.stringify([{ set }]), false, now, random)
  expect(new TextDecoder().decode(reply.write)).toBe(written)
  expect(engine.answer(reply.state, Answer.done, undefined, now, random).head.cookies).toEqual(cookies)
})
