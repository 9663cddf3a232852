use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};

use crate::programs::{program, run};

/// A PostgreSQL server of its own, on a free port of loopback, with its data in a temporary folder. Runs until it is
/// dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    root: bool,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one; it takes connections when this returns.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let root = is_root()?;
        if root {
            run(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        run(as_postgres(root, program("initdb")?)
            .args(["--auth=trust", "--username=switchboard", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .stdout(Stdio::null()))?;
        // Another process may take the port in between: then there is another one.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr())?.port();
            if let Some(process) = serve(as_postgres(root, program("postgres")?), &data, port)? {
                return Ok(Self { process, port, root, folder });
            }
        }
        bail!("PostgreSQL did not start")
    }

    /// Creates an empty database; its address.
    ///
    /// # Errors
    /// When PostgreSQL refuses, because there is one of that name for instance.
    pub fn new_database(&self, name: &str) -> anyhow::Result<String> {
        let mut create = Command::new(program("createdb")?);
        run(create.args(["--host=127.0.0.1", "--username=switchboard", "--port", &self.port.to_string(), name]))?;
        Ok(format!("{}/{name}", self.url()))
    }

    /// Ends it with SIGKILL, as when the machine fails, or with SIGQUIT, PostgreSQL's immediate shutdown: either way nothing
    /// is put in order.
    ///
    /// # Errors
    /// When it cannot be told to.
    pub fn kill(&mut self, immediate: bool) -> anyhow::Result<()> {
        run(Command::new("kill").args([if immediate { "-QUIT" } else { "-KILL" }, &self.process.id().to_string()]))?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again under the same address, after [`kill`](Self::kill). Whether it did: it refuses for as long as one of
    /// the processes of before is there, which leave when they notice.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self) -> anyhow::Result<bool> {
        let command = as_postgres(self.root, program("postgres")?);
        let Some(process) = serve(command, &self.folder.path().join("data"), self.port)? else { return Ok(false) };
        self.process = process;
        Ok(true)
    }

    /// Stops all its processes where they stand: connections stay open, and nobody answers.
    ///
    /// # Errors
    /// When they cannot be told to.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("-STOP")
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When they cannot be told to.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("-CONT")
    }

    /// To the process that makes the others first, so that it makes none meanwhile.
    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let first = self.process.id().to_string();
        run(Command::new("kill").args([signal, &first]))?;
        let others = Command::new("ps").args(["-o", "pid=", "--ppid", &first]).output().context("cannot start ps")?;
        for other in String::from_utf8(others.stdout)?.split_whitespace() {
            let told = run(Command::new("kill").args([signal, other]));
            // Some end by themselves just then.
            if Path::new("/proc").join(other).exists() {
                told?;
            }
        }
        Ok(())
    }

    /// Its address, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://switchboard:secret@127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What is frozen does not hear.
        self.thaw().ok();
        // SIGINT is PostgreSQL's fast shutdown: it ends its own children.
        Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().ok();
        self.process.wait().ok();
    }
}

/// The process, once it takes connections; `None` when it ended instead.
fn serve(mut command: Command, data: &Path, port: u16) -> anyhow::Result<Option<Child>> {
    let mut process = command
        .arg("-D")
        .arg(data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"])
        .args(["-c", "max_connections=400", "-p", &port.to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let errors = process.stderr.take().context("there is no pipe")?;
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    if lines.any(|line| line.contains("ready to accept connections")) {
        // Goes on reading, so that the server never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        return Ok(Some(process));
    }
    process.wait()?;
    Ok(None)
}

/// PostgreSQL refuses to run as root.
fn as_postgres(root: bool, program: impl AsRef<OsStr>) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot start id")?;
    Ok(output.stdout.trim_ascii() == b"0")
}
