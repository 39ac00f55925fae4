// The contract under Bun's tests, as docs/your-own-store.md shows it.
import { Database } from 'bun:sqlite'
import { test } from 'bun:test'
import { storeContract } from 'okibi/contract'
import { tableStore } from './table-store.ts'

const open = () => tableStore(new Database('contract.sqlite'))
for (const { name, check } of storeContract(open, { another: open })) {
  test(name, async () => {
    await check()
  })
}
