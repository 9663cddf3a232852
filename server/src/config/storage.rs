//! Where data is kept.

use server_core::DatabaseUrl;
use std::path::{Path, PathBuf};

use super::{Place, parse, reader::Reader, setting};

/// Where data is kept.
#[derive(Debug, Clone)]
pub struct Storage {
    /// `data_dir`: folder for the database and the signing key. [`super::DataDir::open`] makes it.
    pub data_dir: PathBuf,
    /// `database_url`: the database; a SQLite file in the data folder unless another is named.
    pub database_url: DatabaseUrl,
    pub(super) data_dir_from: Place,
}

impl Storage {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let data_dir = reader.take(&setting::DATA_DIR, parse::folder, PathBuf::from("data"));
        Self {
            database_url: reader
                .take_optional(&setting::DATABASE_URL, parse::from_str)
                .unwrap_or_else(|| DatabaseUrl::sqlite(data_dir.join("switchboard.db"))),
            data_dir_from: reader.place(&setting::DATA_DIR),
            data_dir,
        }
    }

    /// The same in another folder, with a SQLite file there, whatever database was named.
    pub(crate) fn moved_to(self, folder: &Path) -> Self {
        Self { data_dir: folder.to_owned(), database_url: DatabaseUrl::sqlite(folder.join("switchboard.db")), ..self }
    }
}
