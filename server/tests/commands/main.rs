//! The program as people and container engines start it: exit codes, messages, signals.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod damaged;
mod demo;
mod reseal;
mod routing;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use command_fds::{CommandFdExt, FdMapping};
use support::Home;

/// A folder with the data of one server.
pub(crate) struct Place(Home);

impl Place {
    fn new() -> Self {
        Self(Home::new())
    }

    /// The program in this folder, with no settings of the machine it runs on.
    fn switchboard(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.env_clear().envs(self.0.setting()).current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.switchboard(arguments).output().unwrap())
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.switchboard(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// A server that is ready.
    fn serve(&self, more: &[&str]) -> Server {
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log-format", "json"];
        arguments.extend(more);
        Server::started(self.switchboard(&arguments))
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running server; killed at the end of the test.
struct Server {
    child: Child,
    listen: String,
    metrics: String,
    ready: String,
}

impl Server {
    /// One that is ready, and has JSON for a log.
    fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closed as soon as the line is found: a server must outlive whoever reads its log.
        let log = BufReader::new(child.stderr.take().unwrap());
        let listening = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
            .find(|event| event["message"] == "listening")
            .unwrap();
        let address = |key: &str| listening[key].as_str().unwrap().to_owned();
        let (listen, metrics) = (address("listen"), address("metrics"));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        Self { child, listen, metrics, ready }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is what most tests are about.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One whole answer.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_64() {
    let place = Place::new();
    let ended = place.run(&["--listne", "127.0.0.1:1"]);
    assert_eq!(ended.code, Some(64));
    assert!(ended.stderr.contains("a similar argument exists: '--listen'"), "{}", ended.stderr);
    assert_eq!(place.run(&["--help"]).code, Some(0));
}

#[test]
fn wrong_settings_end_with_78_and_touch_nothing() {
    let place = Place::new();
    let ended = place.run(&["serve", "--idle-timeout", "5"]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.starts_with("switchboard: idle_timeout (flag --idle-timeout): \"5\""), "{}", ended.stderr);
    assert_eq!(place.0.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_data_folder_that_cannot_be_used_ends_with_78() {
    let ended = Place::new().run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "/dev/null/x"]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("data_dir (flag --data-dir): /dev/null/x cannot be used"), "{}", ended.stderr);
}

#[test]
fn a_port_in_use_ends_with_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("--listen", "--metrics-listen"), ("--metrics-listen", "--listen")] {
        let ended = Place::new().run(&["serve", flag, &address, other, "127.0.0.1:0"]);
        assert_eq!(ended.code, Some(69), "{}", ended.stderr);
        assert!(ended.stderr.contains(&address) && ended.stderr.contains(flag), "{}", ended.stderr);
    }
}

#[test]
fn a_database_that_does_not_answer_ends_with_69_and_hides_its_password() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://me:hunter2@{unused}/switchboard");
    let ended = Place::new().run(&["migrate", "--database-url", &url]);
    assert_eq!(ended.code, Some(69), "{}", ended.stderr);
    assert!(ended.stderr.contains("--database-url") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn health_tells_a_server_from_none() {
    let place = Place::new();
    let server = place.serve(&[]);
    let alive = place.run(&["health", "--listen", &server.listen]);
    assert_eq!(alive.code, Some(0), "{}", alive.stderr);
    let dead = place.run(&[
        "health",
        "--listen",
        &TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string(),
    ]);
    assert_eq!(dead.code, Some(1));
    assert!(dead.stderr.contains("is not alive"), "{}", dead.stderr);
    let unknown = place.run(&["health", "--listen", "127.0.0.1:0"]);
    assert!(unknown.stderr.contains("set a port"), "{}", unknown.stderr);
}

#[test]
fn serve_says_where_and_ends_well_at_either_signal() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::new();
        let mut server = place.serve(&[]);
        let port = server.listen.rsplit(':').next().unwrap();
        assert_eq!(server.ready, format!("Switchboard is ready: http://localhost:{port}/web\n"));
        assert!(get(&server.listen, "/healthz").starts_with("HTTP/1.1 200"));
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}

/// systemd has the sockets before it starts the program, and gives it them with the numbers 3 and 4.
#[test]
fn sockets_of_a_socket_unit_are_served_and_who_came_first_is_answered() {
    let place = Place::new();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [listen, metrics] = sockets.each_ref().map(|socket| socket.local_addr().unwrap().to_string());
    let mut early = TcpStream::connect(&listen).unwrap();
    early.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_PID=$$ exec \"$@\"", "sh", env!("CARGO_BIN_EXE_switchboard"), "--log-format", "json"]);
    command.env_clear().envs(place.0.setting()).env("LISTEN_FDS", "2").current_dir(place.0.path()).stdin(Stdio::null());
    let numbered = (3..).zip(sockets).map(|(child_fd, socket)| FdMapping { parent_fd: socket.into(), child_fd });
    command.fd_mappings(numbered.collect()).unwrap();
    let mut server = Server::started(command);
    assert_eq!((&server.listen, &server.metrics), (&listen, &metrics));
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(get(&metrics, "/readyz").starts_with("HTTP/1.1 200"));
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_stop_waits_for_what_is_in_flight_and_a_second_signal_does_not() {
    let place = Place::new();
    let mut server = place.serve(&[]);
    let mut unfinished = TcpStream::connect(&server.listen).unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    unfinished.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request is in flight.
    let mut line = String::new();
    BufReader::new(&unfinished).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");

    server.signal("-TERM");
    let mut ready = get(&server.metrics, "/readyz");
    while ready.starts_with("HTTP/1.1 200") {
        ready = get(&server.metrics, "/readyz");
    }
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("\"code\":\"draining\""), "{ready}");
    assert_eq!(server.child.try_wait().unwrap(), None);
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn a_second_server_on_the_same_data_is_refused_until_the_first_is_gone() {
    let place = Place::new();
    let mut first = place.serve(&[]);
    let second = place.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    assert_eq!(second.code, Some(78));
    assert!(second.stderr.contains(&format!("in use by another switchboard (process {})", first.child.id())));
    first.signal("-KILL");
    first.wait();
    place.serve(&[]);
}

#[test]
fn health_and_metrics_are_on_the_metrics_listener_metrics_nowhere_else() {
    let place = Place::new();
    let server = place.serve(&["--node", "n1", "--region", "eu"]);
    assert!(get(&server.metrics, "/healthz").starts_with("HTTP/1.1 200"));
    let ready = get(&server.metrics, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("{\"status\":\"ready\"}"), "{ready}");
    for path in ["/metrics", "/api/v1/metrics"] {
        let page = get(&server.metrics, path);
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(page.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{page}");
        assert!(page.contains("node=\"n1\",region=\"eu\"} 1\n"), "{page}");
        for sample in [
            "switchboard_requests_total{class=\"5xx\"} 0\n",
            "switchboard_requests_in_flight 0\n",
            "switchboard_request_duration_seconds_bucket{le=\"+Inf\"} 0\n",
            "switchboard_telephone_sessions 0\n",
            "switchboard_streams 0\n",
            "switchboard_tasks{plane=\"data\"} ",
            "process_resident_memory_bytes ",
            "process_open_fds ",
        ] {
            assert!(page.contains(sample), "{sample} is missing in {page}");
        }
        assert!(!get(&server.listen, path).contains("switchboard_requests_total"));
    }
}

#[test]
fn accounts_are_added_and_given_passwords() {
    let place = Place::new();
    let added = place.run_with_input(&["user", "add", "ada@example.com", "--admin"], "correct horse battery\n");
    assert_eq!(
        (added.code, added.stdout.as_str()),
        (Some(0), "Added ada@example.com, an administrator.\n"),
        "{added:?}"
    );
    let again = place.run_with_input(&["user", "add", "ada@example.com"], "correct horse battery\n");
    assert_eq!(again.code, Some(65), "{again:?}");
    let changed = place.run_with_input(&["user", "passwd", "ada@example.com"], "another horse battery\n");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    for (arguments, input) in [
        (["user", "passwd", "nobody@example.com"], "another horse battery\n"),
        (["user", "add", "bob@example.com"], "short\n"),
        (["user", "add", "not an address"], "another horse battery\n"),
        (["user", "add", "bob@example.com"], "\n"),
        (["user", "drop-second-factor", "ada@example.com"], ""),
    ] {
        let refused = place.run_with_input(&arguments, input);
        assert_eq!(refused.code, Some(65), "{refused:?}");
        assert!(refused.stderr.starts_with("switchboard: ") && refused.stdout.is_empty(), "{refused:?}");
    }
}

#[test]
fn migrate_makes_the_database_and_may_be_run_again() {
    let place = Place(Home::of_files());
    for _ in 0..2 {
        let ended = place.run(&["migrate"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, "The database sqlite://data/switchboard.db is up to date.\n");
    }
    assert!(Path::exists(&place.0.path().join("data/switchboard.db")));
}
