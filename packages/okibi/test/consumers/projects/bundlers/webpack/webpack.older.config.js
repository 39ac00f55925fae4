// webpack.config.js: a Worker by webpack, for a compatibility date before 2025-06-01
export default {
  mode: 'production',
  target: 'webworker',
  entry: './src/index.js',
  experiments: { outputModule: true },
  output: { library: { type: 'module' } },
  resolve: { conditionNames: ['workerd', 'worker', 'browser', 'import', 'module'] },
  externals: { 'okibi/engine.wasm': 'module okibi/engine.wasm' },
}
