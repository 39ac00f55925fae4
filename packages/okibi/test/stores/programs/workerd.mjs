// Starts workerd with the Worker beside this file and prints the report on one of its stores.
import { startWorkerd } from './start-workerd.mjs'

const workerd = await startWorkerd()
const answer = await workerd.dispatchFetch(`http://localhost/report/${process.argv[2]}`)
console.log(await answer.text())
await workerd.dispose()
