//! The dashboard as a browser without scripts meets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod browser;
#[path = "../upstream/certificates.rs"]
mod certificates;
mod ends;
mod forms;
mod fronts;
mod headers;
mod leaks;
mod live;
mod oidc;
mod origin;
mod replay;
mod routing;
mod second_factor;
mod sessions;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod titles;
mod users;
mod visitors;
