//! The switchboard process as a library, so that tests can start one.

pub mod alerts;
pub mod api;
pub mod app;
pub mod commands;
pub mod config;
pub mod domains;
pub mod health;
pub mod ingress;
pub mod observe;
pub mod proxy;
pub mod replay;
pub mod routing;
pub mod tunnel;
pub mod upstream;
pub mod web;
mod wiring;

pub use app::{App, StartError};
