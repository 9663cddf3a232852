//! Who is asking.

mod viewer;

pub use viewer::{TokenHolder, Viewer};
