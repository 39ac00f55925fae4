// The contract under node:test, as docs/your-own-store.md shows it.
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { storeContract } from 'okibi/contract'
import { tableStore } from './table-store.ts'

const open = () => tableStore(new DatabaseSync('contract.sqlite'))
for (const { name, check } of storeContract(open, { another: open })) {
  test(name, async (t) => {
    const excuse = await check()
    if (excuse) t.skip(excuse)
  })
}
