// Purges until the process ends. The process ends when it has nothing else to do.
import { purgeEvery } from '../../../dist/purge.js'

let purges = 0
const store = {
  purge: async () => {
    purges += 1
    console.log('purged')
    return 0
  },
}
purgeEvery(store, 0.02)
while (purges < 3) await new Promise((resolve) => setTimeout(resolve, 20))
console.log('done')
