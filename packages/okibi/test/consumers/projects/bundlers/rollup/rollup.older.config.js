// rollup.config.js: a Worker by Rollup, for a compatibility date before 2025-06-01
import { nodeResolve } from '@rollup/plugin-node-resolve'

export default {
  input: 'src/index.js',
  output: { dir: 'dist' },
  plugins: [nodeResolve({ browser: true, exportConditions: ['workerd', 'worker'] })],
  external: ['okibi/engine.wasm'],
}
