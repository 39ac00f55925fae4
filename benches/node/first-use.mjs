// Prints how many milliseconds the first session middleware of a process takes: decode, compile,
// instantiate, configure.
import { sessions } from '../../packages/okibi/dist/index.js'

const start = performance.now()
sessions({ secret: 'a secret of the bench, long enough' })
console.log(performance.now() - start)
