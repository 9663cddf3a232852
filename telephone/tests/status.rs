//! `telephone status`: told by the telephones that run.
#![cfg(all(feature = "cli", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::command::{home, line, lines, output, signal, telephone};
use support::hub::Hub;

/// What it says to programs.
async fn status(home: &Path) -> (i32, Value) {
    let (code, stdout, _) = output(telephone(home, &["status", "--json"])).await;
    (code, serde_json::from_str(&stdout).unwrap())
}

#[tokio::test]
async fn a_telephone_says_how_it_is_until_it_ends() {
    let (home, mut hub) = (home(), Hub::start().await);
    let (code, stdout, _) = output(telephone(home.path(), &["status"])).await;
    assert_eq!((code, stdout.as_str()), (1, "No telephone of yours runs on this machine.\n"));

    let arguments = ["http", "3000", "--server", &hub.url, "--token=sbt_secret", "--connections=1"];
    let mut child = telephone(home.path(), &arguments).spawn().unwrap();
    let mut shown = lines(&mut child);
    let session = hub.accept().await;
    line(&mut shown, "connected").await;
    let (code, said) = status(home.path()).await;
    let telephones = said["telephones"].as_array().unwrap();
    assert_eq!((code, telephones.len(), &telephones[0]["server"]), (0, 1, &hub.url.as_str().into()));
    assert_eq!(telephones[0]["pid"], child.id().unwrap());
    let tunnel = &telephones[0]["tunnels"][0];
    assert_eq!((&tunnel["state"], &tunnel["public_url"]), (&"online".into(), &"http://random.test".into()));
    assert!(!said.to_string().contains("sbt_secret"), "{said}");
    let (code, stdout, _) = output(telephone(home.path(), &["status"])).await;
    assert_eq!(code, 0);
    assert!(stdout.contains("online      http://random.test -> http://localhost:3000  1 connection"), "{stdout}");

    // Nobody but its user may ask.
    use std::os::unix::fs::PermissionsExt;
    let folder = fs::metadata(home.path().join("telephone/run")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);

    session.driver.abort();
    line(&mut shown, "disconnected").await;
    let (code, said) = status(home.path()).await;
    let tunnel = &said["telephones"][0]["tunnels"][0];
    assert_eq!((code, &tunnel["state"]), (1, &"connecting".into()));
    assert!(tunnel["problem"].is_string(), "{said}");

    signal(&child, "TERM").await;
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(status(home.path()).await.1["telephones"].as_array().unwrap().len(), 0);
    assert_eq!(fs::read_dir(home.path().join("telephone/run")).unwrap().count(), 0, "it takes its socket along");
}

#[tokio::test]
async fn what_a_killed_telephone_has_left_is_cleared_away() {
    let (home, mut hub) = (home(), Hub::start().await);
    let arguments = ["http", "3000", "--server", &hub.url, "--token=sbt_x", "--connections=1"];
    let mut child = telephone(home.path(), &arguments).spawn().unwrap();
    let _session = hub.accept().await;
    child.kill().await.unwrap();
    let folder = home.path().join("telephone/run");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let (code, said) = status(home.path()).await;
    assert_eq!((code, said["telephones"].as_array().unwrap().len()), (1, 0));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
