//! The file: gzip around one JSON value a line.
//!
//! The first line says what it is. Then each table has a line with its name and columns and one for each row, and the last
//! one has the number of rows and the SHA-256 of all lines before it.

use super::BackupError;
use chrono::{DateTime, Utc};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The number of this format.
const FORMAT: u32 = 1;

/// The longest line that is read, bytes: more than any row takes.
const MAX_LINE: u64 = 256 * 1024 * 1024;

/// A line that is no row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Marker {
    SwitchboardBackup(Header),
    Table { name: String, columns: Vec<String> },
    End { rows: u64, sha256: String },
}

/// What the first line says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    /// The program's version.
    version: String,
    /// When the backup was begun.
    pub(super) at: DateTime<Utc>,
    /// The steps of the migrations that the database has.
    pub(super) steps: Vec<String>,
}

impl Header {
    pub(super) fn new(steps: Vec<String>) -> Self {
        Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").into(), at: crate::store::now(), steps }
    }
}

/// A backup that is being written, under another name, readable by this user alone.
pub(super) struct Writer {
    path: PathBuf,
    out: GzEncoder<BufWriter<NamedTempFile>>,
    sum: Sha256,
    pub(super) rows: u64,
}

impl Writer {
    pub(super) fn create(path: &Path, header: Header) -> Result<Self, BackupError> {
        match Reader::open(path) {
            // The backup before this one is replaced.
            Ok(_) | Err(BackupError::Damaged { .. }) => {}
            Err(BackupError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => {}
            Err(BackupError::NotABackup { path }) => return Err(BackupError::SomethingElse { path }),
            Err(error) => return Err(error),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(failed(path))?;
        let out = GzEncoder::new(BufWriter::new(file), Compression::fast());
        let mut writer = Self { path: path.to_owned(), out, sum: Sha256::new(), rows: 0 };
        writer.line(&Marker::SwitchboardBackup(header))?;
        Ok(writer)
    }

    pub(super) fn table(&mut self, name: &str, columns: Vec<String>) -> Result<(), BackupError> {
        self.line(&Marker::Table { name: name.to_owned(), columns })
    }

    pub(super) fn row(&mut self, values: &[Json]) -> Result<(), BackupError> {
        self.rows += 1;
        self.line(values)
    }

    fn line(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), BackupError> {
        let written = serde_json::to_vec(value).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.sum.update(&line);
            self.out.write_all(&line)
        });
        written.map_err(failed(&self.path))
    }

    /// Ends it, and gives it its name once all of it is on the disk; how large it is, bytes.
    pub(super) fn finish(mut self) -> Result<u64, BackupError> {
        let sha256 = hex(self.sum.clone());
        self.line(&Marker::End { rows: self.rows, sha256 })?;
        let path = self.path;
        let named = || {
            let file = self.out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            let file = file.persist(&path).map_err(|error| error.error)?;
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                File::open(folder)?.sync_all()?;
            }
            Ok(file.metadata()?.len())
        };
        named().map_err(failed(&path))
    }
}

/// A backup that is being read. Whatever is not as it was written is [`BackupError::Damaged`].
pub(super) struct Reader {
    path: PathBuf,
    lines: BufReader<GzDecoder<BufReader<File>>>,
    line: Vec<u8>,
    sum: Sha256,
    rows: u64,
    pub(super) header: Header,
}

/// A line.
pub(super) enum Line {
    Table {
        name: String,
        columns: Vec<String>,
    },
    Row(Vec<Json>),
    /// All of it is as it was written.
    End,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        Self::read(File::open(path).map_err(failed(path))?, path)
    }

    /// The same file from its beginning, whatever its name means by now.
    pub(super) fn again(self) -> Result<Self, BackupError> {
        let mut file = self.lines.into_inner().into_inner().into_inner();
        file.rewind().map_err(failed(&self.path))?;
        Self::read(file, &self.path)
    }

    fn read(file: File, path: &Path) -> Result<Self, BackupError> {
        if file.metadata().map_err(failed(path))?.is_dir() {
            return Err(failed(path)(ErrorKind::IsADirectory.into()));
        }
        let lines = BufReader::new(GzDecoder::new(BufReader::new(file)));
        let header = Header { format: 0, version: String::new(), at: DateTime::UNIX_EPOCH, steps: Vec::new() };
        let mut reader = Self { path: path.to_owned(), lines, line: Vec::new(), sum: Sha256::new(), rows: 0, header };
        let other = || BackupError::NotABackup { path: path.display().to_string() };
        match reader.next_line() {
            Err(BackupError::Damaged { .. }) => return Err(other()),
            read => read?,
        }
        if !reader.line.starts_with(b"{\"switchboard_backup\":") {
            return Err(other());
        }
        let format = serde_json::from_slice::<Json>(&reader.line).map_err(|error| reader.damaged(error))?;
        let format = format["switchboard_backup"]["format"].as_u64();
        if format.is_some_and(|format| format > FORMAT.into()) {
            let step = format!("format {}", format.unwrap_or_default());
            return Err(BackupError::Newer { what: path.display().to_string(), step });
        }
        let Marker::SwitchboardBackup(header) = reader.marker()? else { return Err(other()) };
        reader.header = header;
        Ok(reader)
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Line, BackupError> {
        let before = self.sum.clone();
        self.next_line()?;
        if self.line.starts_with(b"[") {
            self.rows += 1;
            return Ok(Line::Row(serde_json::from_slice(&self.line).map_err(|error| self.damaged(error))?));
        }
        match self.marker()? {
            Marker::Table { name, columns } => Ok(Line::Table { name, columns }),
            Marker::End { rows, sha256 } => {
                if rows != self.rows || sha256 != hex(before) {
                    return Err(self.damaged("its checksum is of something else"));
                }
                self.nothing_follows()?;
                Ok(Line::End)
            }
            Marker::SwitchboardBackup(_) => Err(self.damaged("it begins twice")),
        }
    }

    /// How long the last line was, bytes.
    pub(super) fn line_length(&self) -> usize {
        self.line.len()
    }

    fn next_line(&mut self) -> Result<(), BackupError> {
        self.line.clear();
        let read = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| self.unreadable(error))?;
        if self.line.last() != Some(&b'\n') {
            return Err(self.damaged("it ends too early"));
        }
        self.sum.update(&self.line);
        Ok(())
    }

    fn marker(&self) -> Result<Marker, BackupError> {
        serde_json::from_slice(&self.line).map_err(|error| self.damaged(error))
    }

    /// Reads what must not be there, and has the checksum of gzip looked at on the way.
    fn nothing_follows(&mut self) -> Result<(), BackupError> {
        let more = self.lines.read(&mut [0]).and_then(|more| match more {
            0 => self.lines.get_mut().get_mut().read(&mut [0]),
            more => Ok(more),
        });
        match more {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("something follows its end")),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn unreadable(&self, error: io::Error) -> BackupError {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            ErrorKind::InvalidInput | ErrorKind::InvalidData => self.damaged(error),
            _ => failed(&self.path)(error),
        }
    }

    pub(super) fn damaged(&self, what: impl ToString) -> BackupError {
        BackupError::Damaged { path: self.path.display().to_string(), what: what.to_string() }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |cause| BackupError::File { path: path.display().to_string(), cause }
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
