//! The real command: its settings, what it prints, how it ends.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
#[cfg(unix)]
use support::command::signal;
use support::command::{home, line, lines, output, telephone};
use support::get;
use support::hub::Hub;
use support::local::Local;
use tokio::io::AsyncWriteExt;
use wire::control::{Control, Stats, Status, TunnelStatus};

fn stored(home: &Path) -> String {
    fs::read_to_string(home.join("telephone/config.toml")).unwrap()
}

fn store(home: &Path, text: &str) {
    fs::create_dir_all(home.join("telephone")).unwrap();
    fs::write(home.join("telephone/config.toml"), text).unwrap();
}

#[tokio::test]
async fn wrong_settings_end_with_64_and_name_key_and_remedy() {
    let home = home();
    let server = "--server=http://127.0.0.1:1";
    let cases: [(&[&str], &[&str]); 14] = [
        (&["http"], &["<TARGET>"]),
        (&["http", "3000"], &["no switchboard is known", "--server", "TELEPHONE_SERVER", "telephone login"]),
        (&["http", "3000", server], &["no token is known", "dashboard", "TELEPHONE_TOKEN_FILE"]),
        (&["http", "nonsense", server, "--token=sbt_x"], &["TARGET", "localhost:3000"]),
        (&["http", "http://localhost/api", server, "--token=sbt_x"], &["TARGET", "must not have a path"]),
        (&["http", "3000", "--server=example.com", "--token=sbt_x"], &["--server", "https://"]),
        (&["http", "3000", server, "--token=secret"], &["--token", "sbt_", "dashboard"]),
        (&["http", "3000", server, "--token-file=/nonexistent"], &["--token-file", "/nonexistent", "cannot be read"]),
        (&["http", "3000", server, "--token=sbt_x", "--connections=99"], &["--connections", "1..=16"]),
        (&["http", "3000", server, "--token=sbt_x", "--host-header=a b"], &["Host header"]),
        (&["http", "3000", "--server=https://127.0.0.1:1", "--token=sbt_x", "--ca-file=/nonexistent"], &["--ca-file"]),
        (&["http", "3000", server, "--token=sbt_x", "--tag=blue"], &["--tag", "--host"]),
        (&["http", "3000", server, "--token=sbt_x", "--path=api"], &["--path", "/api"]),
        (&["login"], &["--server"]),
    ];
    for (arguments, parts) in cases {
        let (code, stdout, stderr) = output(telephone(home.path(), arguments)).await;
        assert_eq!((code, stdout.as_str()), (64, ""), "{arguments:?}: {stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{arguments:?}: no {part:?} in {stderr}");
        }
        assert!(!stderr.contains("secret"), "a token must not be shown: {stderr}");
    }
}

#[tokio::test]
async fn a_variable_is_named_as_the_place_of_its_error() {
    let home = home();
    let mut command = telephone(home.path(), &["http", "3000"]);
    command.env("TELEPHONE_SERVER", "nonsense").env("TELEPHONE_TOKEN", "sbt_x");
    let (code, _, stderr) = output(command).await;
    assert_eq!(code, 64);
    assert!(stderr.contains("TELEPHONE_SERVER: \"nonsense\""), "{stderr}");
    let mut command = telephone(home.path(), &["http", "3000", "--server=http://127.0.0.1:1"]);
    command.env("TELEPHONE_TOKEN", "sbt_x").env("TELEPHONE_TOKEN_FILE", "/x");
    let (code, _, stderr) = output(command).await;
    assert_eq!(code, 64);
    assert!(stderr.contains("TELEPHONE_TOKEN and TELEPHONE_TOKEN_FILE"), "{stderr}");
}

#[tokio::test]
async fn a_broken_file_is_named_with_its_line_and_shows_no_secret() {
    let home = home();
    store(home.path(), "server = \"http://127.0.0.1:1\"\ntoken = sbt_secret\n");
    let (code, _, stderr) = output(telephone(home.path(), &["http", "3000"])).await;
    assert_eq!(code, 64);
    assert!(stderr.contains("config.toml, line 2"), "{stderr}");
    assert!(!stderr.contains("sbt_secret"), "{stderr}");
    store(home.path(), "sever = \"http://127.0.0.1:1\"\n");
    let (code, _, stderr) = output(telephone(home.path(), &["http", "3000"])).await;
    assert_eq!(code, 64);
    assert!(stderr.contains("unknown field `sever`"), "{stderr}");
}

#[tokio::test]
async fn login_keeps_server_and_token_for_their_owner_only() {
    let home = home();
    let mut command = telephone(home.path(), &["login", "--server", "http://127.0.0.1:8080/"]);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"sbt_first\n").await.unwrap();
    assert!(child.wait_with_output().await.unwrap().status.success());
    assert_eq!(stored(home.path()), "server = \"http://127.0.0.1:8080\"\ntoken = \"sbt_first\"\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| fs::metadata(home.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("telephone"), mode("telephone/config.toml")), (0o700, 0o600));
    }
    // A second login replaces the first; one that is refused leaves it alone.
    let second = ["login", "--server=http://127.0.0.1:8080", "--token=sbt_second"];
    assert_eq!(output(telephone(home.path(), &second)).await.0, 0);
    let refused = ["login", "--server=http://127.0.0.1:8080", "--token=nonsense"];
    assert_eq!(output(telephone(home.path(), &refused)).await.0, 64);
    assert!(stored(home.path()).contains("sbt_second"));
    assert_eq!(fs::read_dir(home.path().join("telephone")).unwrap().count(), 1, "no drafts are left");
}

#[tokio::test]
async fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let home = home();
    let mut hub = Hub::start().await;
    store(home.path(), &format!("server = \"{}\"\ntoken = \"sbt_file\"\n", hub.url));
    let mut command = telephone(home.path(), &["http", "3000"]);
    let _child = command.spawn().unwrap();
    assert_eq!(hub.accept().await.init.token.expose(), "sbt_file");
    let _child = command.env("TELEPHONE_TOKEN", "sbt_variable").spawn().unwrap();
    assert_eq!(hub.accept().await.init.token.expose(), "sbt_variable");
    let _child = command.arg("--token=sbt_flag").spawn().unwrap();
    assert_eq!(hub.accept().await.init.token.expose(), "sbt_flag");
    let file = home.path().join("token");
    fs::write(&file, "sbt_from_a_file\n").unwrap();
    let mut command = telephone(home.path(), &["http", "3000"]);
    let _child = command.env("TELEPHONE_TOKEN_FILE", &file).spawn().unwrap();
    assert_eq!(hub.accept().await.init.token.expose(), "sbt_from_a_file");
}

#[cfg(unix)]
#[tokio::test]
async fn plain_lines_tell_the_address_and_each_request_and_a_signal_drains() {
    let (home, local) = (home(), Local::pages().await);
    let mut hub = Hub::start().await;
    let server = format!("--server={}", hub.url);
    let arguments = ["http", &local.target(), &server, "--token=sbt_x", "--subdomain=blog"];
    let mut child = telephone(home.path(), &arguments).spawn().unwrap();
    let mut shown = lines(&mut child);
    let session = hub.accept().await;
    assert_eq!(line(&mut shown, "Public URL").await, "Public URL  http://blog.test");
    assert_eq!(line(&mut shown, "Forwarding").await, format!("Forwarding  http://{}", local.target()));
    let (_, answer) = session.line.open(&get("/empty?a=b"), true).unwrap();
    answer.await.unwrap();
    assert!(line(&mut shown, "/empty").await.contains("  GET /empty?a=b  204  "));
    signal(&child, "TERM").await;
    line(&mut shown, "finishing what is in flight").await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    session.driver.await.unwrap();
}

#[tokio::test]
async fn json_lines_are_objects_with_documented_names() {
    let (home, local) = (home(), Local::pages().await);
    let mut hub = Hub::start().await;
    let server = format!("--server={}", hub.url);
    let arguments = ["http", &local.target(), &server, "--token=sbt_x", "--log-format=json"];
    let mut child = telephone(home.path(), &arguments).spawn().unwrap();
    let mut shown = lines(&mut child);
    let session = hub.accept().await;
    let connected: Value = serde_json::from_str(&line(&mut shown, "\"connected\"").await).unwrap();
    assert_eq!((&connected["event"], &connected["public_url"]), (&"connected".into(), &"http://random.test".into()));
    let (_, answer) = session.line.open(&get("/empty"), true).unwrap();
    answer.await.unwrap();
    let request: Value = serde_json::from_str(&line(&mut shown, "\"request\"").await).unwrap();
    assert_eq!((&request["path"], &request["status"]), (&"/empty".into(), &204.into()));
    assert!(request["time"].as_str().unwrap().ends_with('Z'));
    for (held, retried) in [(0, 0), (2, 1), (2, 1), (0, 1)] {
        let stats = Stats { held, retried, ..Stats::default() };
        session
            .line
            .send_control(Control::TunnelStatus(TunnelStatus { status: Status::Active, stats, spread_ms: None }))
            .unwrap();
    }
    for expected in [[2, 1], [0, 1]] {
        let stats: Value = serde_json::from_str(&line(&mut shown, "\"stats\"").await).unwrap();
        assert_eq!([&stats["held"], &stats["retried"]], expected.map(Value::from).each_ref());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn secrets_in_visitors_urls_are_in_nothing_that_is_shown_or_logged() {
    let home = home();
    for (format, scheme) in [("text", "http"), ("json", "http"), ("text", "h2c"), ("json", "h2c")] {
        let (local, mut hub) = (Local::either().await, Hub::start().await);
        let (server, target) = (format!("--server={}", hub.url), format!("{scheme}://{}", local.target()));
        let format = format!("--log-format={format}");
        let arguments = ["http", &target, &server, "--token=sbt_x", &format, "--log-level=trace"];
        let mut child = telephone(home.path(), &arguments).spawn().unwrap();
        let mut shown = lines(&mut child);
        let session = hub.accept().await;
        let path = "/empty?a=b&access_token=of-a-visitor&to%6ben=of-a-visitor&X-Amz-Signature=of-a-visitor";
        let (_, answer) = session.line.open(&get(path), true).unwrap();
        answer.await.unwrap();
        let mut told = vec![line(&mut shown, "/empty").await];
        assert!(told[0].contains("/empty?a=b&access_token=[masked]&to%6ben=[masked]&X-Amz-Signature=[masked]"));
        signal(&child, "TERM").await;
        while let Some(line) = shown.next_line().await.unwrap() {
            told.push(line);
        }
        let logged = String::from_utf8(child.wait_with_output().await.unwrap().stderr).unwrap();
        assert!(logged.contains("TRACE") || scheme == "http", "{target}: {logged}");
        assert!(!logged.contains("of-a-visitor") && !told.concat().contains("of-a-visitor"), "{told:?} {logged}");
    }
}

#[tokio::test]
async fn refusals_have_exit_codes_and_remedies() {
    for (code, exit, part) in [
        ("token_invalid", 77, "telephone login"),
        ("token_revoked", 77, "telephone login"),
        ("subdomain_taken", 73, "--subdomain"),
        ("subdomain_invalid", 73, "hyphens"),
        ("tunnel_deleted", 69, "refused"),
    ] {
        let home = home();
        let mut hub = Hub::start().await;
        let server = format!("--server={}", hub.url);
        let running = tokio::spawn(output(telephone(home.path(), &["http", "3000", &server, "--token=sbt_x"])));
        hub.refuse(code, "the server's words").await;
        let (status, _, stderr) = running.await.unwrap();
        assert_eq!(status, exit, "{code}: {stderr}");
        assert!(stderr.contains("the server's words") && stderr.contains(part), "{code}: {stderr}");
    }
}

#[tokio::test]
async fn help_documents_variables_and_exit_codes_and_shows_no_token() {
    let home = home();
    let mut command = telephone(home.path(), &["http", "--help"]);
    command.env("TELEPHONE_TOKEN", "sbt_secret");
    let (code, stdout, _) = output(command).await;
    assert_eq!(code, 0);
    for part in ["TELEPHONE_SERVER", "TELEPHONE_TOKEN_FILE", "Exit codes", "77", "unix:PATH"] {
        assert!(stdout.contains(part), "{part}");
    }
    assert!(!stdout.contains("sbt_secret"));
}
