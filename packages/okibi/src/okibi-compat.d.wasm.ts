// The engine as Workers load it: a compiled module.
declare const module: WebAssembly.Module
export default module
