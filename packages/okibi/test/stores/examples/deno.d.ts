// What the example for Deno is given there, as far as it needs it.
declare namespace Deno {
  export function openKv(): Promise<import('../../../src/stores/deno-kv.js').DenoKv>
  export function serve(handler: (request: Request) => Response | Promise<Response>): void
}
