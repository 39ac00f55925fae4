// The tests run on the runtime that was asked for, and with the built package.
import { expect, inject, test } from 'vitest'
import { native } from '../../src/native.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The runtime of the tests. */
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

test('the_engine_is_the_built_one', () => {
  let stack = ''
  try {
    native.engine({ idle: 'long' })
  } catch (error) {
    stack = String((error as Error).stack)
  }
  expect(stack).toMatch(/okibi\/dist\/engine\.js/)
})
