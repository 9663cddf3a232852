//! Where a running telephone can be asked how it is: a socket named after its process, in a folder of its user's.
//!
//! Whoever connects gets one report as JSON, and the connection is closed; nothing is read.

use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream as Asking;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio_util::task::AbortOnDropHandle;

use super::Report;
use crate::cli::store;

/// How long one who asks may take, and how long a telephone may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest report that is read, in bytes.
const MAX_REPORT: u64 = 1024 * 1024;
/// How many telephones are asked at most.
const MAX_ASKED: usize = 256;
/// Where a service of the machine has it, see systemd.exec(5), RuntimeDirectory.
const OF_THE_MACHINE: &str = "/run/telephone";

/// Tells whoever asks, until it is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Teller {
    path: PathBuf,
    _task: AbortOnDropHandle<()>,
}

impl Teller {
    /// Opens the socket, on the current runtime.
    pub(in crate::cli) fn start(report: impl Fn() -> Report + Send + 'static) -> io::Result<Self> {
        let folder = folder().ok_or_else(|| io::Error::other("there is no folder for it"))?;
        store::create_private_folder(&folder)?;
        let path = folder.join(format!("{}.sock", std::process::id()));
        // Of a process that had this number before.
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let listener = UnixListener::bind(&path)?;
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((mut asking, _)) => {
                        let text = serde_json::to_vec(&report()).unwrap_or_default();
                        // One at a time: who does not take it keeps the next one waiting, for so long at most.
                        let _gone = tokio::time::timeout(PATIENCE, asking.write_all(&text)).await;
                    }
                    // Out of files, most likely; whoever has asked waits.
                    Err(_) => tokio::time::sleep(PATIENCE).await,
                }
            }
        });
        Ok(Self { path, _task: AbortOnDropHandle::new(task) })
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // What is left is recognised as such by whoever asks.
        let _gone = fs::remove_file(&self.path);
    }
}

/// The folder of this user's sockets: the service manager's, the session's, else one beside the stored login.
fn folder() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // A service may have several, of which the first is its own.
    let of_service = std::env::var("RUNTIME_DIRECTORY").ok();
    let of_service = of_service.and_then(|list| list.split(':').next().map(PathBuf::from));
    of_service
        .filter(|path| path.is_absolute())
        .or_else(|| named("XDG_RUNTIME_DIR").map(|folder| folder.join("telephone")))
        .or_else(|| Some(store::path()?.with_file_name("run")))
}

/// The reports of all telephones that can be asked, by process.
pub(super) fn ask_all() -> Vec<Report> {
    let mut folders: Vec<_> = folder().into_iter().collect();
    if !folders.iter().any(|folder| folder == Path::new(OF_THE_MACHINE)) {
        folders.push(OF_THE_MACHINE.into());
    }
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let sockets = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "sock"));
    let mut reports: Vec<_> = sockets.take(MAX_ASKED).filter_map(|path| ask(&path)).collect();
    reports.sort_by_key(|report| report.pid);
    reports
}

fn ask(path: &Path) -> Option<Report> {
    let asking = match Asking::connect(path) {
        Ok(asking) => asking,
        Err(error) => {
            // A telephone that was killed has left it behind.
            if error.kind() == io::ErrorKind::ConnectionRefused {
                let _others = fs::remove_file(path);
            }
            return None;
        }
    };
    asking.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut text = Vec::new();
    asking.take(MAX_REPORT).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
