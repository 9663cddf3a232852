//! Everything the database holds, in one file that fits either kind of database.
//!
//! A backup is taken in one transaction that reads, so that it is the database at one moment, whatever is written
//! meanwhile. It knows which steps of the migrations its rows were written with, and is restored by those first: so a
//! backup outlives the versions that come after it. Which tables there are, and what their columns hold, is what the
//! migrations make, not what a database happens to contain beside them.

mod dump;
mod file;
mod load;
mod schema;
mod values;

use std::io;

pub use dump::{BackedUp, back_up};
pub use load::{Restored, restore};

use crate::OpenError;
use sea_orm::DbErr;

/// Why a backup could not be made or restored. In every case the database is as it was, and so is the file.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// There is something else under the name that the backup is to have.
    #[error("{path} is there and is no backup; choose another name, so that nothing is lost")]
    SomethingElse {
        /// The file.
        path: String,
    },
    /// The file is no backup.
    #[error("{path} is not a backup made with switchboard backup; nothing was changed")]
    NotABackup {
        /// The file.
        path: String,
    },
    /// The file was cut short or changed.
    #[error("{path} is damaged: {what}; nothing was changed, use another backup")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// It was made by a version with tables that this one does not know.
    #[error(
        "{what} is of a newer version of switchboard (step {step} of its tables is not known here); use that version"
    )]
    Newer {
        /// What it is that is too new.
        what: String,
        /// The first step of the migrations that is not known.
        step: String,
    },
    /// There is nothing in the database.
    #[error(
        "the database {url} has no tables of switchboard, so there is nothing to back up; is --database-url right?"
    )]
    Nothing {
        /// The database, without its password.
        url: String,
    },
    /// There is something in the database already.
    #[error(
        "the database {url} already has accounts; nothing was changed. To lose all that is in it and have the backup instead, add --replace"
    )]
    NotEmpty {
        /// The database, without its password.
        url: String,
    },
    /// Somebody works with the database.
    #[error("the database {url} is in use by {connections} connections of switchboard; stop every server on it first")]
    InUse {
        /// The database, without its password.
        url: String,
        /// How many there are.
        connections: i64,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It failed on the way.
    #[error("the database failed: {0}; nothing was changed")]
    Database(#[from] DbErr),
}
