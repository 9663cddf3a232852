//! The REST interface. Each version is a module; what they share lies beside them.

pub(crate) mod bearer;
pub(crate) mod conditional;
pub(crate) mod csv;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod extract;
mod idempotency;
mod listing;
mod objects;
pub(crate) mod respond;
pub(crate) mod trace;
pub mod v1;

pub(crate) use document::BASE;
pub(crate) use listing::paths;
