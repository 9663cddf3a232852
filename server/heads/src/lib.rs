//! What the head of a request says of its host, its client and its cookies, and what it says of the client when it goes on. Strangers write it, so nothing here does I/O, and
//! all of it is fuzzed (`telephone/fuzz/targets`: `hosts.rs`, `credentials.rs`).

mod basic;
mod bearer;
mod client;
mod cookies;
mod forwarded;
mod host;
mod query;

pub use basic::{Basic, basic};
pub use bearer::{BearerError, bearer};
pub use client::{Client, TrustedProxies};
pub use cookies::{cookie_values, has_cookie, only_plain, take_cookies_out};
pub use forwarded::{forwarded, tokens};
pub use host::{HostError, RequestHost};
pub use query::parameter;
