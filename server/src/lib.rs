//! The switchboard process as a library, so that tests can start one.

pub mod config;
pub mod observe;
pub mod web;
