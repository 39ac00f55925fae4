// rollup.config.js: a Worker by Rollup
import { nodeResolve } from '@rollup/plugin-node-resolve'

export default {
  input: 'src/index.js',
  output: { dir: 'dist' },
  plugins: [nodeResolve({ browser: true })],
}
