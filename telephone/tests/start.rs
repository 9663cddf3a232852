//! `telephone start` and `telephone config check`: many tunnels of one file.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
#[cfg(unix)]
use support::command::signal;
use support::command::{home, line, lines, output, telephone};
use support::get;
use support::hub::Hub;
use support::local::Local;

fn write(home: &Path, text: &str) -> String {
    let path = home.join("telephone.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Two tunnels to one local server.
fn two(hub: &Hub, local: &Local) -> String {
    let (server, target) = (&hub.url, local.target());
    format!(
        "server = \"{server}\"\ntoken = \"sbt_file\"\nname = \"desk\"\n\n[tunnels.web]\ntarget = \"{target}\"\nsubdomain = \"shop\"\n\n\
         [tunnels.api]\ntarget = \"{target}\"\nhost = \"shop.example.com\"\npath = \"/api\"\nconnections = 1\n"
    )
}

#[tokio::test]
async fn each_tunnel_of_the_file_is_served_and_a_signal_drains_them_all() {
    let (home, local, mut hub) = (home(), Local::pages().await, Hub::start().await);
    let file = write(home.path(), &two(&hub, &local));
    let mut child = telephone(home.path(), &["start", "--config", &file]).spawn().unwrap();
    let mut shown = lines(&mut child);
    let sessions = [hub.accept().await, hub.accept().await];
    let [web, api] = ["shop", "random"].map(|name| {
        let subdomain = (name != "random").then_some(name);
        sessions.iter().find(|session| session.init.subdomain.as_deref() == subdomain).unwrap()
    });
    assert_eq!((web.init.token.expose(), web.init.metadata.name.as_deref()), ("sbt_file", Some("desk")));
    assert_eq!(api.init.services[0].host.as_deref(), Some("shop.example.com"));
    for (session, path) in [(web, "/empty?of=web"), (api, "/empty?of=api")] {
        let (_, answer) = session.line.open(&get(path), true).unwrap();
        answer.await.unwrap();
    }
    let mut told = [line(&mut shown, "/empty").await, line(&mut shown, "/empty").await];
    told.sort();
    assert!(told[0].starts_with("api | ") && told[0].contains("GET /empty?of=api  204"), "{told:?}");
    assert!(told[1].starts_with("web | ") && told[1].contains("GET /empty?of=web  204"), "{told:?}");
    #[cfg(unix)]
    {
        signal(&child, "TERM").await;
        line(&mut shown, "finishing what is in flight").await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn some_of_the_tunnels_and_what_is_named_otherwise() {
    let (home, local, mut hub) = (home(), Local::pages().await, Hub::start().await);
    write(home.path(), &two(&hub, &local).replace(&hub.url, "http://127.0.0.1:1"));
    // Found in the working folder.
    let arguments = ["start", "web", "--server", &hub.url, "--log-format=json"];
    let mut command = telephone(home.path(), &arguments);
    let mut child = command.current_dir(home.path()).env("TELEPHONE_TOKEN", "sbt_variable").spawn().unwrap();
    let session = hub.accept().await;
    assert_eq!((session.init.token.expose(), session.init.subdomain.as_deref()), ("sbt_variable", Some("shop")));
    let connected: Value = serde_json::from_str(&line(&mut lines(&mut child), "\"connected\"").await).unwrap();
    assert_eq!((&connected["tunnel"], &connected["subdomain"]), (&"web".into(), &"shop".into()));
}

#[tokio::test]
async fn a_tunnel_that_is_refused_does_not_end_the_others() {
    let (home, local, mut hub) = (home(), Local::pages().await, Hub::start().await);
    let file = write(home.path(), &two(&hub, &local));
    let mut child = telephone(home.path(), &["start", "-c", &file]).spawn().unwrap();
    let mut shown = lines(&mut child);
    hub.refuse("subdomain_taken", "somebody else has it").await;
    let session = hub.accept().await;
    line(&mut shown, "connected").await;
    let (_, answer) = session.line.open(&get("/empty"), true).unwrap();
    answer.await.unwrap();
    line(&mut shown, "GET /empty  204").await;
    // With the last tunnel, the command ends.
    session.driver.abort();
    hub.refuse("token_revoked", "it was revoked").await;
    let ended = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(77), "{stderr}");
    assert!(stderr.contains("somebody else has it") && stderr.contains("it was revoked"), "{stderr}");
    assert!(["telephone: web: ", "telephone: api: "].iter().all(|name| stderr.contains(name)), "{stderr}");
}

#[tokio::test]
async fn a_check_tells_what_would_be_served_and_dials_nobody() {
    let (home, local, hub) = (home(), Local::pages().await, Hub::start().await);
    let file = write(home.path(), &two(&hub, &local));
    let (code, stdout, stderr) = output(telephone(home.path(), &["config", "check", "-c", &file])).await;
    assert_eq!(code, 0, "{stderr}");
    let target = format!("http://{}", local.target());
    let expected = [
        format!("{file}: nothing is wrong with it. At {} it serves", hub.url),
        format!("  web  {target}  at shop"),
        format!("  api  {target}  at a random subdomain, and shop.example.com/api"),
    ];
    assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let (_, _, stderr) = output(telephone(home.path(), &["config", "check", "-c", &file])).await;
        assert!(stderr.contains("chmod 600"), "{stderr}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let (_, _, stderr) = output(telephone(home.path(), &["config", "check", "-c", &file])).await;
        assert_eq!(stderr, "");
    }
}

#[tokio::test]
async fn a_wrong_file_ends_with_64_and_every_mistake_has_line_and_column() {
    let home = home();
    let file = write(home.path(), "sever = 'x'\n[tunnels.web]\ntarget = 'nonsense'\n");
    for command in [&["config", "check"][..], &["start"]] {
        let (code, stdout, stderr) = output(telephone(home.path(), &[command, &["-c", &file]].concat())).await;
        assert_eq!((code, stdout.as_str()), (64, ""), "{stderr}");
        assert!(stderr.contains(&format!("{file}:1:1: there is no key \"sever\"; did you mean server?")), "{stderr}");
        assert!(stderr.contains(&format!("{file}:3:10: target: \"nonsense\"")), "{stderr}");
    }
    let secret = write(home.path(), "token = sbt_secret\n");
    let (_, _, stderr) = output(telephone(home.path(), &["start", "-c", &secret])).await;
    assert!(stderr.contains(":1:9: this is not TOML") && !stderr.contains("sbt_secret"), "{stderr}");

    let good = write(home.path(), "[tunnels.web]\ntarget = 3000\n");
    let cases: [(&[&str], &str); 4] = [
        (&["start", "-c", &good, "wep"], "did you mean web?"),
        (&["start", "-c", &good], "no switchboard is known"),
        (&["start", "-c", "/nonexistent"], "/nonexistent cannot be read"),
        (&["config", "check"], "[tunnels.web]"),
    ];
    for (arguments, part) in cases {
        let mut command = telephone(home.path(), arguments);
        // There is no file in this folder.
        command.current_dir("/");
        let (code, _, stderr) = output(command).await;
        assert_eq!(code, 64, "{arguments:?}: {stderr}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
}
