//! The dashboard's side of the server.

pub mod assets;
