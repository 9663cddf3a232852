//! The REST interface. Each version is a module; what they share lies beside them.

pub(crate) mod bearer;
pub(crate) mod csv;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod respond;
pub(crate) mod trace;
pub mod v1;
