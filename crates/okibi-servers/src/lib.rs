//! Real servers for tests: each is started, stopped and killed by the test that needs it. Loopback only, on free ports.
#![forbid(unsafe_code)]

mod held;
mod mariadb;
mod nginx;
mod postgres;
mod process;
mod proxy;
mod redis;
mod redis_monitor;

pub use crate::{
    held::Held,
    mariadb::MariaDbServer,
    nginx::Nginx,
    postgres::PostgresServer,
    process::{Process, free_port},
    proxy::{Cut, Mode, Proxy, Then, Traffic},
    redis::{RedisCluster, RedisKind, RedisServer},
    redis_monitor::RedisMonitor,
};
