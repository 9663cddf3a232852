use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{Client, Origin, Switchboard};

/// The real programs, each a process of its own; killed when this is dropped.
pub struct Programs {
    address: std::net::SocketAddr,
    switchboard: Program,
    telephone: Option<Program>,
    _folder: TempDir,
}

struct Program {
    child: Child,
    /// Kept, so that the program can go on writing.
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, output }
    }

    /// Reads up to the line that holds `text`, and gives that line.
    async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.output.next_line().await.unwrap().expect("the program ended too early");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// A figure of `/proc/PID/status`, bytes.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Programs {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "off", "--data-dir"]).arg(folder.path());
        let mut switchboard = Program::start(command);
        let line = switchboard.line_with("http://").await;
        let port = line.split("localhost:").nth(1).unwrap().split('/').next().unwrap().trim().parse::<u16>().unwrap();
        Self { address: ([127, 0, 0, 1], port).into(), switchboard, telephone: None, _folder: folder }
    }

    /// An account, a token and a telephone that is connected.
    pub async fn telephone(&mut self, subdomain: &str, origin: &Origin) {
        let url = format!("http://localhost:{}", self.address.port());
        let client = Client::new(self.address, &url["http://".len()..]);
        let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
        assert_eq!(client.post("/api/v1/auth/register", &account).await.0, 201);
        let (_, tokens) = client.post("/api/v1/auth/login", &account).await;
        let client = client.bearer(tokens["access_token"].as_str().unwrap());
        let (_, token) = client.post("/api/v1/tokens", &json!({"name": "test"})).await;
        let mut command = Command::new(telephone());
        command.args(["http", &origin.address.to_string(), "--server", &url, "--subdomain", subdomain]);
        command.env("TELEPHONE_TOKEN", token["token"].as_str().unwrap());
        let mut telephone = Program::start(command);
        telephone.line_with("Public URL").await;
        self.telephone = Some(telephone);
    }

    pub fn visitor(&self, subdomain: &str) -> Client {
        Client::new(self.address, &format!("{subdomain}.localhost:{}", self.address.port()))
    }

    /// What each program has in memory now, bytes.
    pub fn memory(&self) -> BTreeMap<&'static str, u64> {
        self.each("VmRSS:").collect()
    }

    /// The most each program has had in memory, bytes.
    pub fn peak_memory(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.each("VmHWM:")
    }

    fn each(&self, figure: &str) -> impl Iterator<Item = (&'static str, u64)> {
        let telephone = self.telephone.as_ref().map(|program| ("telephone", program.status(figure)));
        [("switchboard", self.switchboard.status(figure))].into_iter().chain(telephone)
    }
}

/// The program of the other package: named by `cargo xtask test`, or built beside this one.
fn telephone() -> PathBuf {
    let path = match std::env::var_os("TELEPHONE_BIN") {
        Some(path) => path.into(),
        None => PathBuf::from(env!("CARGO_BIN_EXE_switchboard")).with_file_name("telephone"),
    };
    assert!(path.exists(), "{} is missing: build it with `cargo build -p telephone`", path.display());
    path
}
