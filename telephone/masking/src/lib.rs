//! Values of `name=value` in URLs and forms that nobody is to read in a log, a list or a store: which names say so, and
//! masking their values. The switchboard's inspector and the telephone's display mask with the same code.
//!
//! Nothing here does I/O or knows anything else of this project; the crate builds for WebAssembly.

mod names;
mod secrets;

pub use names::{Kind, Names, decode_escape};
pub use secrets::{SECRET_PARAMETERS, has_secret_parameter, masked_target};

/// Stands for a value that is not shown.
pub const MASK: &str = "[masked]";
