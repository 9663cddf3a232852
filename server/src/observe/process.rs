//! What the kernel says about this process. Each figure is left out where the kernel does not say it.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

/// The figures that change.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Memory in use, bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Files and sockets that are open.
    pub(super) open_files: Option<u64>,
    /// How many may be open.
    pub(super) max_files: Option<u64>,
}

impl Figures {
    /// Reads them now; a few microseconds.
    pub(super) fn read() -> Self {
        Self {
            resident_bytes: resident_bytes(),
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
            max_files: rlimit::Resource::NOFILE.get_soft().ok(),
        }
    }
}

/// `VmRSS` in `/proc/self/status`, which is in kibibytes whatever the page size (proc_pid_status(5)).
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Now, in seconds since 1970.
pub(super) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
