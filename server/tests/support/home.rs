use std::path::Path;

use tempfile::TempDir;
use test_postgres::Database;

/// What a switchboard leaves behind when it stops: a folder, and a database in it or on the PostgreSQL server that tests
/// share (`cargo xtask test` runs those that use one twice). Goes when this is dropped.
pub struct Home {
    folder: TempDir,
    postgres: Option<Database>,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), postgres: Database::of_test().unwrap() }
    }

    /// With everything in files, wherever the other tests have theirs.
    pub fn of_files() -> Self {
        Self { folder: TempDir::new().unwrap(), postgres: None }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The setting that names the database, where that is not a file in the folder.
    pub fn setting(&self) -> Option<(String, String)> {
        let database = self.postgres.as_ref()?;
        Some(("SWITCHBOARD_DATABASE_URL".to_owned(), database.url()))
    }
}
