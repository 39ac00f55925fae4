// Deno compiles this: its own database fits the store's structural type.
import { denoKvStore } from '../../../src/stores/deno-kv.ts'

export const store = denoKvStore(await Deno.openKv())
