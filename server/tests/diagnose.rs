//! `telephone diagnose` with a real switchboard. (Where something is wrong on the way: telephone/tests/diagnose.rs.)

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use serde_json::Value;
use support::{Origin, Programs};
use tokio::net::TcpListener;

async fn diagnose(programs: &Programs, token: &str, target: &str) -> (i32, Value) {
    let mut command = programs.telephone_command();
    command.args(["diagnose", target, "--json", "--server", &programs.url()]).env("TELEPHONE_TOKEN", token);
    let output = command.output().await.unwrap();
    let json = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), json.unwrap_or_else(|_| panic!("{output:?}")))
}

fn verdicts(said: &Value) -> Vec<(String, String)> {
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    said["checks"].as_array().unwrap().iter().map(|check| (text(check, "check"), text(check, "verdict"))).collect()
}

#[tokio::test]
async fn all_is_well_and_nothing_is_served_by_it() {
    let programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let origin = Origin::echo().await;
    let (code, said) = diagnose(&programs, &token, &origin.address.to_string()).await;
    let expected = ["name", "tcp", "tls", "http", "clock", "websocket", "version", "token", "local"];
    let names: Vec<_> = verdicts(&said).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, expected, "{said:#}");
    for (name, verdict) in verdicts(&said) {
        // A server on this machine needs no TLS; a busy machine is slow.
        let expected: &[&str] = match name.as_str() {
            "tls" => &["skip"],
            "http" => &["ok", "warn"],
            _ => &["ok"],
        };
        assert!(expected.contains(&verdict.as_str()), "{name} {said:#}");
    }
    assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)));
    let (_, tunnels) = programs.client().get("/api/v1/tunnels").await;
    assert_eq!(tunnels["items"], serde_json::json!([]), "no tunnel was made");
}

#[tokio::test]
async fn a_wrong_token_and_a_local_server_that_is_down_are_told() {
    let programs = Programs::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (code, said) = diagnose(&programs, "sbt_nobodys", &down).await;
    assert_eq!(code, 1);
    let failed: Vec<_> = verdicts(&said).into_iter().filter(|(_, verdict)| verdict == "fail").collect();
    assert_eq!(failed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["token", "local"], "{said:#}");
    let checks = said["checks"].as_array().unwrap();
    assert!(checks[7]["found"].as_str().unwrap().contains("not known here"), "{said:#}");
    assert!(checks[8]["advice"].as_str().unwrap().contains("start the local server"), "{said:#}");
}
