//! Who stays signed in: browsers by cookie, programs by access and refresh token.

mod api;
mod web;

pub use api::{ApiSessions, ApiTokens};
pub use web::{WebSessionRecord, WebSessions};
