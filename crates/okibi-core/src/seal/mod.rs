//! Protection of a cookie's value: secrets, seals and signatures.

pub(crate) mod iron;
pub(crate) mod renew;
pub(crate) mod secrets;
pub(crate) mod sign;
pub(crate) mod xchacha;
