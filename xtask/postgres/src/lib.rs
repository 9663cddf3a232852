//! A PostgreSQL server for the time of some tests, and a database of it for each.
//!
//! A test that needs the server for itself, to stop it, starts one ([`Server::start`]). All others share one: whoever runs
//! the tests starts it, has `switchboard migrate` prepare the database [`TEMPLATE`], and names it in [`SERVER`]. Then each
//! test takes a copy of that ([`Database::of_test`]).

mod database;
mod programs;
mod server;

pub use database::Database;
pub use programs::{PROGRAMS, folder};
pub use server::Server;

/// Names the server that tests share: `postgres://USER@HOST:PORT`. Without it, tests use SQLite.
pub const SERVER: &str = "SWITCHBOARD_TEST_POSTGRES";

/// The database that those of the tests are copies of.
pub const TEMPLATE: &str = "prepared";
