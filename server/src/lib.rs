//! The switchboard process as a library, so that tests can start one.

pub mod alerts;
pub mod api;
pub mod app;
mod background;
pub mod commands;
pub mod config;
pub mod domains;
pub mod front;
pub mod handover;
pub mod health;
mod html;
pub mod ingress;
pub mod observe;
pub mod oidc;
pub mod proxy;
pub mod replay;
pub mod routing;
pub mod tunnel;
pub mod upstream;
pub mod web;
mod wiring;

pub use app::{App, StartError};
