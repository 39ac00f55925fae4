// The contract under Vitest, as docs/your-own-store.md shows it.
import { DatabaseSync } from 'node:sqlite'
import { storeContract } from 'okibi/contract'
import { test } from 'vitest'
import { tableStore } from './table-store.ts'

const open = () => tableStore(new DatabaseSync('contract.sqlite'))
for (const { name, check } of storeContract(open, { another: open })) test(name, check)
