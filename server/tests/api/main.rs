//! The REST API over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod answer;
mod audit;
mod auth;
mod backends;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../web/browser.rs"]
mod browser;
mod conditional;
mod contract;
mod document;
mod domains;
mod explain;
mod fronts;
mod idempotency;
mod jwt;
mod listed;
mod live;
mod malformed;
mod matrix;
mod matrix_web;
#[expect(dead_code, reason = "each test binary uses a part of this")]
#[path = "../checks/name_server.rs"]
mod name_server;
mod peers;
mod personal_tokens;
mod programs;
mod rates;
mod rebinding;
mod regions;
mod revisions;
mod routes;
mod scoping;
mod second_factor;
mod secrets;
mod services;
mod setup;
mod strangers;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod switch;
mod telephones;
mod tokens;
mod tunnels;
mod users;
