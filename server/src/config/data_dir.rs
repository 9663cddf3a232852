//! The data folder: made with the first start, readable by nobody else, served by one process at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use server_core::Secret;

use super::{Place, Storage};

const LOCK_FILE: &str = "switchboard.lock";
const KEY_FILE: &str = "jwt.key";
const SEALING_FILE: &str = "sealing.key";
/// The key that is to take its place, while things are sealed with it.
const NEXT_SEALING_FILE: &str = "sealing.key.new";
/// The key that was replaced last, which earlier backups are sealed with.
const LAST_SEALING_FILE: &str = "sealing.key.old";

/// A data folder that exists and can be written.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    from: Place,
}

/// Holds the data folder for this process until it is dropped or the process ends in any way.
#[derive(Debug)]
pub struct DataDirLock(#[expect(dead_code, reason = "the open file is the lock")] Lock);

#[derive(Debug)]
enum Lock {
    Held(#[expect(dead_code, reason = "as above")] File),
    /// The thread that waits for it; the file is what it returns.
    Awaited(#[expect(dead_code, reason = "as above")] JoinHandle<io::Result<File>>),
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made, read or written.
    #[error("data_dir ({from}): {} cannot be used: {cause}; name a folder that this user may write, or change its owner", .path.display())]
    Unusable {
        /// The folder or the file in it.
        path: PathBuf,
        /// Who named it.
        from: Place,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process serves from it.
    #[error("data_dir ({from}): {} is in use by another switchboard (process {holder}); stop that one first, or name another folder", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who named it.
        from: Place,
        /// The other process' number, or `unknown`.
        holder: String,
    },
    /// The key file is there but is no key.
    #[error("data_dir ({from}): {} does not hold a key of at least 32 characters; put it back. Of jwt.key a new one is made when it is deleted, which ends every API session; what sealing.key has sealed, no other key opens", .path.display())]
    BadKey {
        /// The key file.
        path: PathBuf,
        /// Who named the folder.
        from: Place,
    },
}

impl DataDir {
    /// Opens the data folder; makes it, for this user alone, when it is missing.
    ///
    /// # Errors
    /// [`DataDirError::Unusable`] when it cannot be made or written.
    pub fn open(storage: &Storage) -> Result<Self, DataDirError> {
        let dir = Self { path: storage.data_dir.clone(), from: storage.data_dir_from.clone() };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir.path).map_err(dir.unusable(&dir.path))?;
        dir.lock_file().map_err(dir.unusable(&dir.path))?;
        Ok(dir)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps every other process from serving from this folder.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] when another one does.
    pub fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let path = self.path.join(LOCK_FILE);
        let unusable = || self.unusable(&path);
        let mut file = self.lock_file().map_err(unusable())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.in_use(file)),
            Err(TryLockError::Error(cause)) => return Err(unusable()(cause)),
        }
        sign(&mut file).map_err(unusable())?;
        Ok(DataDirLock(Lock::Held(file)))
    }

    /// As [`lock`](Self::lock), as soon as the process is gone that serves from it now and hands its work over.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn lock_when_free(&self) -> Result<DataDirLock, DataDirError> {
        let path = self.path.join(LOCK_FILE);
        let mut file = self.lock_file().map_err(self.unusable(&path))?;
        let waiting = std::thread::Builder::new().name("data-folder".into()).spawn(move || {
            file.lock()?;
            sign(&mut file)?;
            Ok(file)
        });
        Ok(DataDirLock(Lock::Awaited(waiting.map_err(self.unusable(&path))?)))
    }

    /// What API access tokens are signed with: made at the first start, readable by this user alone.
    ///
    /// # Errors
    /// [`DataDirError::BadKey`] when the file holds something else; it is never overwritten.
    pub fn signing_key(&self) -> Result<Secret, DataDirError> {
        self.key(KEY_FILE)
    }

    /// What the database holds encrypted is encrypted with: made and kept in the same way.
    ///
    /// # Errors
    /// As of [`signing_key`](Self::signing_key).
    pub fn sealing_key(&self) -> Result<Secret, DataDirError> {
        self.key(SEALING_FILE)
    }

    /// The key that is to take the place of the sealing key. Whoever was interrupted finds the same one again.
    ///
    /// # Errors
    /// As of [`signing_key`](Self::signing_key).
    pub fn next_sealing_key(&self) -> Result<Secret, DataDirError> {
        let key = self.key(NEXT_SEALING_FILE)?;
        // Nothing may be sealed with a key that a power cut takes away.
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(self.unusable(&self.path))?;
        Ok(key)
    }

    /// Puts the next sealing key in the place of the present one, which is kept; where.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn take_next_sealing_key(&self) -> Result<PathBuf, DataDirError> {
        let [now, next, last] = [SEALING_FILE, NEXT_SEALING_FILE, LAST_SEALING_FILE].map(|name| self.path.join(name));
        let draft = self.path.join(format!("{LAST_SEALING_FILE}.{}", std::process::id()));
        // There is a whole key under its name at any moment.
        let taken = fs::hard_link(&now, &draft)
            .and_then(|()| fs::rename(&draft, &last))
            .and_then(|()| fs::rename(&next, &now))
            .and_then(|()| File::open(&self.path)?.sync_all());
        taken.map(|()| last).map_err(self.unusable(&now))
    }

    /// The key in a file somewhere else.
    ///
    /// # Errors
    /// When it cannot be read, or holds no key.
    pub fn key_in(&self, path: &Path) -> Result<Secret, DataDirError> {
        match fs::read_to_string(path) {
            Ok(text) if text.trim().len() >= 32 => Ok(Secret::new(text.trim())),
            Ok(_) => Err(DataDirError::BadKey { path: path.to_owned(), from: self.from.clone() }),
            Err(cause) => Err(self.unusable(path)(cause)),
        }
    }

    fn key(&self, name: &str) -> Result<Secret, DataDirError> {
        self.key_at(&self.path.join(name))
    }

    fn key_at(&self, path: &Path) -> Result<Secret, DataDirError> {
        match fs::read_to_string(path) {
            Ok(text) if text.trim().len() >= 32 => Ok(Secret::new(text.trim())),
            Ok(_) => Err(DataDirError::BadKey { path: path.to_owned(), from: self.from.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_key(path),
            Err(cause) => Err(self.unusable(path)(cause)),
        }
    }

    /// The file gets its name only when it is whole, so that a crash leaves no half a key; and only when there is none,
    /// so that two processes starting at once end with the same one.
    fn make_key(&self, path: &Path) -> Result<Secret, DataDirError> {
        let key: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let draft = path.with_extension(format!("key.{}", std::process::id()));
        let made = write_private(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        match made {
            Ok(()) => removed.map(|()| Secret::new(key)).map_err(self.unusable(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => self.key_at(path),
            Err(cause) => Err(self.unusable(path)(cause)),
        }
    }

    fn lock_file(&self) -> io::Result<File> {
        let path = self.path.join(LOCK_FILE);
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn in_use(&self, mut file: File) -> DataDirError {
        let mut holder = String::new();
        if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
            holder = "unknown".to_owned();
        }
        DataDirError::InUse { path: self.path.clone(), from: self.from.clone(), holder: holder.trim().to_owned() }
    }

    fn unusable(&self, path: &Path) -> impl FnOnce(io::Error) -> DataDirError + use<> {
        let (path, from) = (path.to_owned(), self.from.clone());
        move |cause| DataDirError::Unusable { path, from, cause }
    }
}

/// Says who holds it.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
