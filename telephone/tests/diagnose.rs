//! `telephone diagnose` where something is wrong on the way. (With a real switchboard: server/tests/diagnose.rs.)
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Stdio;

use serde_json::Value;
use support::local::Local;
use support::tls::{Authority, Terminator};
use tokio::net::TcpListener;
use tokio::process::Command;

/// What it says: whether it ends well, and how each check went.
async fn diagnose(arguments: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telephone"));
    let home = tempfile::tempdir().unwrap();
    command.env_clear().env("XDG_CONFIG_HOME", home.path()).args(["diagnose", "--json", "--token", "sbt_test"]);
    let output = command.args(arguments).stdin(Stdio::null()).output().await.unwrap();
    let json = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), json.unwrap_or_else(|_| panic!("{output:?}")))
}

fn check<'a>(said: &'a Value, name: &str) -> &'a Value {
    said["checks"].as_array().unwrap().iter().find(|check| check["check"] == name).unwrap()
}

/// The check that failed, with what it says; all after it but the local server's are not tried.
#[track_caller]
fn failed_at(said: &(i32, Value), name: &str) -> String {
    let (code, said) = said;
    assert_eq!((*code, &said["ok"]), (1, &Value::Bool(false)), "{said:#}");
    let checks = said["checks"].as_array().unwrap();
    let failed: Vec<_> = checks.iter().filter(|check| check["verdict"] == "fail").collect();
    assert_eq!((failed.len(), &failed[0]["check"]), (1, &name.into()), "{said:#}");
    let after = checks.iter().skip_while(|check| check["check"] != name).skip(1);
    for check in after.filter(|check| check["check"] != "local") {
        assert_eq!(check["verdict"], "skip", "{said:#}");
    }
    assert!(failed[0]["advice"].is_string(), "{said:#}");
    failed[0]["found"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_name_that_is_none() {
    let said = diagnose(&["--server", "http://switchboard.invalid:8080"]).await;
    assert!(failed_at(&said, "name").contains("switchboard.invalid"));
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = diagnose(&["--server", &format!("http://{address}")]).await;
    assert!(failed_at(&said, "tcp").contains(&address.to_string()));
}

#[tokio::test]
async fn a_certificate_for_another_name_and_one_of_nobody_known() {
    let (authority, local) = (Authority::new("known"), Local::pages().await);
    let behind = format!("127.0.0.1:{}", local.port);
    let terminator = Terminator::start(&authority, "elsewhere.test", &behind).await;
    let server = format!("https://localhost:{}", terminator.port);
    let file = authority.file();
    let said = diagnose(&["--server", &server, "--ca-file", file.to_str().unwrap()]).await;
    assert!(failed_at(&said, "tls").contains("not valid for name"), "{said:?}");
    let other = Authority::new("other");
    let said = diagnose(&["--server", &server, "--ca-file", other.file().to_str().unwrap()]).await;
    assert!(failed_at(&said, "tls").contains("UnknownIssuer"), "{said:?}");
}

#[tokio::test]
async fn a_web_server_that_is_no_switchboard() {
    let (authority, local) = (Authority::new("known"), Local::pages().await);
    let said = diagnose(&["--server", &format!("http://127.0.0.1:{}", local.port)]).await;
    assert!(failed_at(&said, "websocket").contains("/tunnel"), "{said:?}");
    assert_eq!(check(&said.1, "tls")["verdict"], "skip");
    // The same with TLS in front: what is good about it is told.
    let terminator = Terminator::start(&authority, "localhost", &format!("127.0.0.1:{}", local.port)).await;
    let server = format!("https://localhost:{}", terminator.port);
    let said = diagnose(&["--server", &server, "--ca-file", authority.file().to_str().unwrap()]).await;
    failed_at(&said, "websocket");
    let tls = check(&said.1, "tls");
    assert_eq!(tls["verdict"], "ok", "{said:?}");
    assert!(tls["found"].as_str().unwrap().contains("valid until"), "{said:?}");
}

#[tokio::test]
async fn what_speaks_no_http() {
    let local = Local::saying(b"220 mail.test ESMTP\r\n").await;
    let said = diagnose(&["--server", &format!("http://127.0.0.1:{}", local.port)]).await;
    failed_at(&said, "http");
}
