// These tests run on the runtime that they were meant for, and on what is built.
import { expect, inject, test } from 'vitest'
import { native } from '../../src/native.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** What runs the tests. */
    runtime: string
  }
}

function name(): string {
  if ('Bun' in globalThis) return 'bun'
  if ('Deno' in globalThis) return 'deno'
  return navigator.userAgent === 'Cloudflare-Workers' ? 'workerd' : 'node'
}

test('this_is_the_runtime_that_was_asked_for', () => {
  expect(name()).toBe(inject('runtime'))
  if (name() === 'node') expect(Number(process.versions.node.split('.')[0])).toBeGreaterThanOrEqual(24)
})

test('the_engine_is_the_one_that_was_built', () => {
  let stack = ''
  try {
    native.engine({ idle: 'long' })
  } catch (error) {
    stack = String((error as Error).stack)
  }
  expect(stack).toMatch(/okibi\/dist\/engine\.js/)
})
