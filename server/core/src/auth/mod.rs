//! Who is asking.

mod password;
mod secrets;
mod throttle;
mod viewer;

pub(crate) use password::{Passwords, Verified};
pub(crate) use secrets::{hex, random_base32, random_base64, sha256};
pub(crate) use throttle::{Key, Throttle};
pub use viewer::{Administrator, TokenHolder, Viewer};
