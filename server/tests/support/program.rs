use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

/// How many lines of output are kept; the oldest go.
const LINES: usize = 4096;

/// One of the programs, as a process of its own; killed when this is dropped.
pub struct Program {
    child: Child,
    pid: u32,
    /// What it writes to either output, read as it comes, so that it can go on writing.
    output: broadcast::Receiver<String>,
    /// All of it, for who looks for something that must not be there.
    everything: Arc<Mutex<String>>,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (lines, output) = broadcast::channel(LINES);
        let everything = Arc::default();
        tokio::spawn(read(child.stdout.take().unwrap(), lines.clone(), Arc::clone(&everything)));
        tokio::spawn(read(child.stderr.take().unwrap(), lines, Arc::clone(&everything)));
        let pid = child.id().unwrap();
        Self { child, pid, output, everything }
    }

    /// Reads up to the line that holds `text`, and gives that line.
    pub async fn line_with(&mut self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.output.recv().await {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            }
        }
        panic!("the program ended without {text:?}; it said {before:#?}");
    }

    /// What it has said and nobody has read yet.
    pub fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            match self.output.try_recv() {
                Ok(line) => said.push(line),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return said,
            }
        }
    }

    /// All that it has said, whoever has read it.
    pub fn everything(&self) -> String {
        self.everything.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    /// SIGKILL. It is gone when this returns.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Stops it where it stands: its sockets stay open, and it does nothing with them.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = std::process::Command::new("kill").args([signal, &self.pid.to_string()]).status().unwrap();
        assert!(status.success(), "kill {signal}: {status}");
    }

    /// What it has in memory now, bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most it has had in memory, bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Begins anew with the most it has had in memory: from what it has now.
    pub fn forget_peak_memory(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5").unwrap();
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    /// A figure of `/proc/PID/status`, which is in kibibytes.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

async fn read(from: impl AsyncRead + Unpin, lines: broadcast::Sender<String>, everything: Arc<Mutex<String>>) {
    let mut from = BufReader::new(from).lines();
    while let Ok(Some(line)) = from.next_line().await {
        {
            let mut everything = everything.lock().unwrap();
            everything.push_str(&line);
            everything.push('\n');
        }
        // Whoever does not look still lets the program write.
        let _unread = lines.send(line);
    }
}
