//! Real servers for tests. A test starts, stops and kills its own. Loopback only, on free ports.
#![forbid(unsafe_code)]

mod hold;
mod mariadb;
mod nginx;
mod postgres;
mod process;
mod proxy;
mod redis;
mod redis_monitor;

pub use crate::{
    hold::HeldRequest,
    mariadb::MariaDbServer,
    nginx::Nginx,
    postgres::PostgresServer,
    process::{Process, free_port},
    proxy::{Cut, Mode, Proxy, Then, Traffic},
    redis::{RedisCluster, RedisKind, RedisServer},
    redis_monitor::RedisMonitor,
};
