//! A PostgreSQL server for the time of a test.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Runs until it is dropped.
pub struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().unwrap();
        let root = is_root();
        if root {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        run(as_postgres(root, &programs.join("initdb"))
            .args(["--auth=trust", "--username=switchboard", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .stdout(Stdio::null()));
        // Another process may take the port in between: then there is another one.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(process) = serve(as_postgres(root, &programs.join("postgres")), &data, port) {
                return Self { process, port, _folder: folder };
            }
        }
        panic!("PostgreSQL did not start");
    }

    pub fn new_database(&self, name: &str) -> String {
        let mut create = Command::new(programs().join("createdb"));
        run(create.args(["--host=127.0.0.1", "--username=switchboard", "--port", &self.port.to_string(), name]));
        self.url(name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://switchboard:secret@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it ends its own children.
        Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().ok();
        self.process.wait().ok();
    }
}

/// The process, once it takes connections; `None` when it ended instead.
fn serve(mut command: Command, data: &Path, port: u16) -> Option<Child> {
    let mut process = command
        .arg("-D")
        .arg(data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"])
        .args(["-c", "max_connections=200", "-p", &port.to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    if lines.any(|line| line.contains("ready to accept connections")) {
        // Goes on reading, so that the server never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        return Some(process);
    }
    process.wait().unwrap();
    None
}

fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("SWITCHBOARD_PG_BIN") {
        return folder.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    folders
        .pop()
        .expect("install PostgreSQL (Debian: apt-get install postgresql), or set SWITCHBOARD_PG_BIN to its bin folder")
}

/// PostgreSQL refuses to run as root.
fn as_postgres(root: bool, program: &Path) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
