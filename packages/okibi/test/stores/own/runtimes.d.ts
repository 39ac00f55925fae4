// The types of Bun and Deno that the tests need.
declare module 'bun:test' {
  export function test(name: string, run: () => Promise<void>): void
}

declare module 'bun:sqlite' {
  export const Database: new (file: string) => import('../../../src/stores/sqlite.js').SqliteDatabase
}

declare namespace Deno {
  interface TestDefinition {
    readonly name: string
    readonly fn: () => Promise<void>
    readonly sanitizeOps: boolean
    readonly sanitizeResources: boolean
  }
  export function test(definition: TestDefinition): void
}
