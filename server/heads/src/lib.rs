//! What the head of a request says of its host, its client and its cookies. Strangers write it, so nothing here does I/O, and
//! all of it is fuzzed (`telephone/fuzz/targets/hosts.rs`).

mod client;
mod cookies;
mod host;

pub use client::{Client, TrustedProxies};
pub use cookies::{has_cookie, only_plain};
pub use host::{HostError, RequestHost};
