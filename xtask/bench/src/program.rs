//! Programs under measurement.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

/// What a clock tick of `/proc` is on Linux, in seconds: `USER_HZ` is 100 on every architecture Rust has a server for.
const TICK: f64 = 0.01;

/// A program that is being measured, all in one process; killed when this is dropped.
pub struct Program {
    name: &'static str,
    child: Child,
    pid: u32,
    log: PathBuf,
}

impl Program {
    /// Starts it. What it says goes to a file in `folder`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let errors = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        // Some of them write a line a request to standard output.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name, child, pid, log })
    }

    /// The CPU time it has used, all its threads together, in seconds.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let stat = self.proc("stat")?;
        // The name in parentheses may hold spaces. After it, utime and stime are the 12th and 13th field (proc_pid_stat(5)).
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        let ticks = after.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
        Ok(ticks.sum::<f64>() * TICK)
    }

    /// Its proportional share of memory (PSS), in bytes.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory(&self) -> anyhow::Result<f64> {
        let rollup = self.proc("smaps_rollup")?;
        let line = rollup.lines().find(|line| line.starts_with("Pss:")).context("no Pss in smaps_rollup")?;
        let kib: f64 = line.split_whitespace().nth(1).unwrap_or_default().parse().context("Pss is no number")?;
        Ok(kib * 1024.0)
    }

    /// Ends it. It is gone when this returns.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("cannot end {}", self.name))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Fails with what it has said when it is no longer there.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.last_words()),
            None => Ok(()),
        }
    }

    /// The end of what it has written to standard error.
    pub fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(path).with_context(|| format!("{} is gone: {}", self.name, self.last_words()))
    }
}
