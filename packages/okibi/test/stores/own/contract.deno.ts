// The contract under Deno's tests, as docs/your-own-store.md shows it.
import { DatabaseSync } from 'node:sqlite'
import { storeContract } from 'okibi/contract'
import { tableStore } from './table-store.ts'

const open = () => tableStore(new DatabaseSync('contract.sqlite'))
for (const { name, check } of storeContract(open, { another: open })) {
  // Rules that wait for a session to expire wait concurrently, so a test has the timers of others.
  Deno.test({ name, fn: async () => void (await check()), sanitizeOps: false, sanitizeResources: false })
}
