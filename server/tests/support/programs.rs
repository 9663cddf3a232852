use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tokio::process::Command;

use super::{Client, Home, Origin, Program, Switchboard, figure};

/// The real programs, each a process of its own; killed when this is dropped.
pub struct Programs {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    pub switchboard: Program,
    settings: Vec<(String, String)>,
    bearer: String,
    telephone: Option<Program>,
    home: Home,
    /// Of how many bytes the disk is on which the data is, where it is one of its own.
    disk: Option<u64>,
}

/// Mounts a disk and becomes the program that follows.
const ON_DISK: &str = r#"mount -t tmpfs -o size="$1",mode=0700 none "$2" && cd "$2" && shift 2 && exec "$@""#;

impl Programs {
    /// A switchboard with an account.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A switchboard with these settings and an account.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Home::new(), None, settings).await
    }

    /// A switchboard with these settings and an account, with its data in files wherever other tests have theirs.
    pub async fn start_in_files(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Home::of_files(), None, settings).await
    }

    /// A switchboard with an account, whose data is on a disk of its own of so many bytes. `None` where none can be mounted,
    /// for which it needs to be root or to have user namespaces.
    pub async fn start_on_disk(bytes: u64) -> Option<Self> {
        let home = Home::of_files();
        let mut probe = on_disk(bytes, &home);
        if !probe.arg("true").status().await.is_ok_and(|status| status.success()) {
            return None;
        }
        Some(Self::start_in(home, Some(bytes), &[]).await)
    }

    async fn start_in(home: Home, disk: Option<u64>, settings: &[(&str, &str)]) -> Self {
        let [address, metrics] = [free_address(), free_address()];
        let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let switchboard = serve(&home, disk, address, metrics, &settings).await;
        let mut programs =
            Self { address, metrics, switchboard, settings, bearer: String::new(), telephone: None, home, disk };
        let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
        assert_eq!(programs.client().post("/api/v1/auth/register", &account).await.0, 201);
        programs.sign_in().await;
        programs
    }

    /// Signs in anew, for who takes longer than an access token is good for.
    pub async fn sign_in(&mut self) {
        let account = json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
        let (status, tokens) = self.client().bearer("").post("/api/v1/auth/login", &account).await;
        assert_eq!(status, 200, "{tokens}");
        self.bearer = tokens["access_token"].as_str().unwrap().to_owned();
    }

    /// Starts the switchboard again, on the same data and under the same addresses. It has to have ended.
    pub async fn restart(&mut self) {
        self.switchboard = serve(&self.home, self.disk, self.address, self.metrics, &self.settings).await;
    }

    /// The same with another database.
    pub async fn restart_on(&mut self, database: &str) {
        self.settings.push(("SWITCHBOARD_DATABASE_URL".to_owned(), database.to_owned()));
        self.restart().await;
    }

    /// The switchboard's program, told to do something else with the same data.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.args(arguments).arg("--data-dir").arg(self.home.path()).current_dir(self.home.path());
        command.envs(self.home.setting()).envs(self.settings.iter().map(|(key, value)| (key, value)));
        command
    }

    /// The folder with the switchboard's data.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// The same as the switchboard sees it.
    pub fn data(&self) -> PathBuf {
        let seen = format!("/proc/{}/root{}", self.switchboard.pid(), self.home.path().display());
        PathBuf::from(seen)
    }

    /// The setting that names the database, where that is not a file in the folder.
    pub fn database(&self) -> Option<(String, String)> {
        self.home.setting()
    }

    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// A client of the dashboard's host, signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address, &format!("localhost:{}", self.address.port())).bearer(&self.bearer)
    }

    pub fn visitor(&self, subdomain: &str) -> Client {
        Client::new(self.address, &format!("{subdomain}.localhost:{}", self.address.port()))
    }

    /// Creates a token; its id and its secret.
    pub async fn token(&self) -> (String, String) {
        let (status, token) = self.client().post("/api/v1/tokens", &json!({"name": "test"})).await;
        assert_eq!(status, 201, "{token}");
        let text = |key: &str| token[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// A telephone with a new token, once it is connected. It belongs to these programs.
    pub async fn telephone(&mut self, subdomain: &str, origin: &Origin) {
        let (_, token) = self.token().await;
        self.telephone = Some(self.telephone_with(&token, subdomain, origin.address, &[]).await);
    }

    /// A telephone of the test's own, once it is connected.
    pub async fn telephone_with(&self, token: &str, subdomain: &str, target: SocketAddr, more: &[&str]) -> Program {
        let mut telephone = self.start_telephone(token, subdomain, target, more);
        telephone.line_with("\"event\":\"connected\"").await;
        telephone
    }

    /// A telephone that has just been started. What happens to it is in its output, one JSON object a line. Of an
    /// argument that is given twice the last one counts, and those in `more` come last.
    pub fn start_telephone(&self, token: &str, subdomain: &str, target: SocketAddr, more: &[&str]) -> Program {
        let mut command = Command::new(telephone());
        command.args(["http", &target.to_string(), "--log-format", "json", "--subdomain", subdomain]);
        command.args(more).env("TELEPHONE_TOKEN", token);
        if !more.contains(&"--server") {
            command.args(["--server", &self.url()]);
        }
        Program::start(command)
    }

    /// The telephone's program, to be told what to do.
    pub fn telephone_command(&self) -> Command {
        let mut command = Command::new(telephone());
        command.env("XDG_CONFIG_HOME", self.home.path()).kill_on_drop(true);
        command
    }

    /// A figure of the switchboard's metrics.
    pub async fn figure(&self, name: &str) -> f64 {
        figure(self.metrics, name).await
    }

    /// What each program has in memory now, bytes.
    pub fn memory(&self) -> BTreeMap<&'static str, u64> {
        self.each().map(|(name, program)| (name, program.memory())).collect()
    }

    /// The most each program has had in memory, bytes.
    pub fn peak_memory(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.each().map(|(name, program)| (name, program.peak_memory()))
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &Program)> {
        let telephone = self.telephone.as_ref().map(|program| ("telephone", program));
        [("switchboard", &self.switchboard)].into_iter().chain(telephone)
    }
}

async fn serve(
    home: &Home,
    disk: Option<u64>,
    address: SocketAddr,
    metrics: SocketAddr,
    settings: &[(String, String)],
) -> Program {
    let program = env!("CARGO_BIN_EXE_switchboard");
    let mut command = match disk {
        None => Command::new(program),
        Some(bytes) => {
            let mut command = on_disk(bytes, home);
            command.arg(program);
            command
        }
    };
    command.args(["--listen", &address.to_string(), "--metrics-listen", &metrics.to_string(), "--data-dir"]);
    command.arg(home.path()).current_dir(home.path());
    command.envs(home.setting());
    command.envs(settings.iter().map(|(key, value)| (key, value)));
    let mut switchboard = Program::start(command);
    switchboard.line_with("http://").await;
    switchboard
}

/// Runs the program that is the next argument with the folder on a disk of its own, which goes with the program.
fn on_disk(bytes: u64, home: &Home) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", ON_DISK, "sh", &bytes.to_string()]);
    command.arg(home.path());
    command
}

/// How many addresses a process of tests takes before it takes those of another.
const ADDRESSES: u32 = 16;

/// An address that stays free while a program that listened there is started again: one below those that the kernel
/// gives to whoever asks for any, and not the one that another test has chosen and does not listen on yet.
fn free_address() -> SocketAddr {
    static CHOSEN: AtomicU32 = AtomicU32::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first: u16 = range.split_whitespace().next().and_then(|port| port.parse().ok()).unwrap_or(32_768);
    let chosen_before = || CHOSEN.fetch_add(1, Ordering::Relaxed);
    loop {
        let place = std::process::id().wrapping_mul(ADDRESSES).wrapping_add(chosen_before());
        let port = 10_000 + u16::try_from(place % u32::from(first - 10_000)).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
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
