//! Each store with the client that its documentation recommends, behind proxies.

#![allow(dead_code, reason = "each of the two tests uses a part of it")]

pub mod mariadb;
pub mod postgres;
pub mod redis;
