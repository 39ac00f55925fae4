// Purges for as long as the process lives, which is no longer than it has something else to do.
import { purgeEvery } from '../../../dist/purge.js'

const store = {
  purge: async () => {
    console.log('purged')
    return 0
  },
}
purgeEvery(store, 0.02)
await new Promise((resolve) => setTimeout(resolve, 500))
console.log('done')
