//! Sessions in `MySQL` or `MariaDB`.
#![forbid(unsafe_code)]
