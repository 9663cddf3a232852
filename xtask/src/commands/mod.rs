//! One module a command.

pub mod autobahn;
pub mod bench;
pub mod build;
pub mod dev;
pub mod fuzz;
pub mod lint;
pub mod run;
pub mod soak;
pub mod test;
