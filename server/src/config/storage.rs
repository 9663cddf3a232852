//! Where data is kept.

use std::path::{Path, PathBuf};

use super::{Place, Secret, parse, reader::Reader, setting};

/// Where data is kept.
#[derive(Debug, Clone)]
pub struct Storage {
    /// `data_dir`: folder for the database and the signing key. [`super::DataDir::open`] makes it.
    pub data_dir: PathBuf,
    /// `database_url`: `sqlite:` or `postgres:`; hidden because it may hold a password.
    pub database_url: Secret,
    pub(super) data_dir_from: Place,
}

impl Storage {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let data_dir = reader.take(&setting::DATA_DIR, parse::folder, PathBuf::from("data"));
        Self {
            database_url: reader
                .take_optional(&setting::DATABASE_URL, parse::database_url)
                .unwrap_or_else(|| sqlite_in(&data_dir)),
            data_dir_from: reader.place(&setting::DATA_DIR),
            data_dir,
        }
    }

    /// Whether the database is a file: then one process at a time serves it.
    pub fn is_sqlite(&self) -> bool {
        self.database_url.expose().starts_with("sqlite:")
    }
}

/// The URL of the usual database file. What has a meaning in a URL is escaped.
fn sqlite_in(data_dir: &Path) -> Secret {
    let path = data_dir.join("switchboard.db");
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Secret::new(format!("sqlite://{path}?mode=rwc"))
}
