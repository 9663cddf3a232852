//! Who is asking.

mod password;
mod secrets;
mod throttle;
mod viewer;

pub(crate) use password::{Passwords, Verified, check_password};
pub(crate) use secrets::{random_base32, random_base64, sha256};
pub(crate) use throttle::{Key, Throttle};
pub use viewer::{TokenHolder, Viewer};
