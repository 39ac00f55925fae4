// webpack.config.js: a Worker by webpack
export default {
  mode: 'production',
  target: 'webworker',
  entry: './src/index.js',
  experiments: { outputModule: true },
  output: { library: { type: 'module' } },
}
