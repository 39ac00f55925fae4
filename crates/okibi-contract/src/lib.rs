//! The contract suite that every okibi store must pass.
