//! The border between JavaScript and the okibi engine compiled to WebAssembly.
