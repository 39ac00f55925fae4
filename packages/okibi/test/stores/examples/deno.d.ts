// The types of Deno that the example needs.
declare namespace Deno {
  export function openKv(): Promise<import('../../../src/stores/deno-kv.js').DenoKv>
  export function serve(handler: (request: Request) => Response | Promise<Response>): void
}
