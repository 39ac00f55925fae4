//! Each store behind proxies, with the client that its documentation recommends.

#![allow(dead_code, reason = "each of the two tests uses a part of it")]

pub mod mariadb;
pub mod postgres;
pub mod redis;
