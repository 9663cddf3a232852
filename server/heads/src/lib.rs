//! What the head of a request says of its host, its client and its cookies. Strangers write it, so nothing here does I/O, and
//! all of it is fuzzed (`telephone/fuzz/targets`: `hosts.rs`, `credentials.rs`).

mod bearer;
mod client;
mod cookies;
mod host;
mod query;

pub use bearer::{BearerError, bearer};
pub use client::{Client, TrustedProxies};
pub use cookies::{cookie_values, has_cookie, only_plain, take_cookies_out};
pub use host::{HostError, RequestHost};
pub use query::parameter;
