//! Real servers for tests: each is started, stopped and killed by the test that needs it. Loopback only, on free ports.
#![forbid(unsafe_code)]

mod mariadb;
mod postgres;
mod process;
mod redis;

pub use crate::{
    mariadb::MariaDbServer,
    postgres::PostgresServer,
    process::{Process, free_port},
    redis::{RedisCluster, RedisKind, RedisServer},
};
