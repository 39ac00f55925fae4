//! What protects a cookie's value: a ring of secrets, seals and signatures.

pub(crate) mod iron;
pub(crate) mod renew;
pub(crate) mod ring;
pub(crate) mod sign;
pub(crate) mod xchacha;
