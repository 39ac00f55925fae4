//! Complete sets of conventions: id syntax, store key, record codec, cookie codec. One file each.

pub(crate) mod native;
