//! `telephone service`: with a `systemctl` that notes what it is asked for, since tests have no systemd of their own.
#![cfg(all(feature = "cli", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::command::{home, output, telephone};
use tempfile::TempDir;

const GOOD: &str =
    "server = \"https://switchboard.example.com\"\ntoken_file = \"token\"\n[tunnels.web]\ntarget = 3000\n";

struct Place(TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let home = home();
        fs::write(home.path().join("telephone.toml"), text).unwrap();
        fs::write(home.path().join("token"), "sbt_x\n").unwrap();
        let program = home.path().join("bin/systemctl");
        fs::create_dir(home.path().join("bin")).unwrap();
        let asked = home.path().join("asked");
        fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> '{}'\n", asked.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn unit(&self) -> PathBuf {
        self.path("systemd/user/telephone.service")
    }

    /// What systemctl was asked for.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = telephone(self.0.path(), &[&["service"], arguments].concat());
        command.current_dir(self.0.path()).env("PATH", self.path("bin"));
        output(command).await
    }
}

fn said(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn it_is_written_started_and_taken_away() {
    let place = Place::with(GOOD);
    let (code, stdout, stderr) = place.run(&["install"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("systemctl --user status telephone.service"), "{stdout}");
    assert_eq!(
        place.asked(),
        ["--user daemon-reload", "--user enable telephone.service", "--user restart telephone.service"]
    );
    let unit = said(&place.unit());
    let start = format!("start --config \"{}\"\n", place.path("telephone.toml").display());
    assert!(
        unit.contains(&start) && unit.contains("Description=Tunnels of https://switchboard.example.com\n"),
        "{unit}"
    );
    // Once more is as good as once.
    assert_eq!(place.run(&["install"]).await.0, 0);
    assert_eq!(fs::read_dir(place.path("systemd/user")).unwrap().count(), 1, "no drafts are left");
    let (code, _, stderr) = place.run(&["uninstall"]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(!place.unit().exists());
    assert_eq!(place.asked()[6..], ["--user disable --now telephone.service", "--user daemon-reload"]);
    let (code, _, stderr) = place.run(&["uninstall"]).await;
    assert!(code == 64 && stderr.contains("--system"), "{stderr}");
}

#[tokio::test]
async fn what_is_printed_changes_nothing() {
    let place = Place::with(GOOD);
    let (code, stdout, stderr) = place.run(&["install", "--system", "--run-as", "web", "--print"]).await;
    assert_eq!(code, 0, "{stderr}");
    for part in ["User=web\n", "WantedBy=multi-user.target\n", "CapabilityBoundingSet=\n"] {
        assert!(stdout.contains(part), "{part} is missing in {stdout}");
    }
    assert!(place.asked().is_empty() && !place.unit().exists());
}

#[tokio::test]
async fn nothing_is_installed_that_could_not_start() {
    let place = Place::with(GOOD);
    fs::write(place.path("telephone.toml"), "[tunnels.web]\ntarget = 3000\n").unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["install"], "no switchboard is known"),
        (&["install", "--system"], "reads nobody's login"),
        (&["install", "--run-as", "web"], "--system"),
        (&["install", "--name", "../x"], "--name"),
        (&["install", "--config", "nowhere.toml"], "nowhere.toml cannot be read"),
    ];
    for (arguments, part) in cases {
        let (code, _, stderr) = place.run(arguments).await;
        assert!(code == 64 && stderr.contains(part), "{arguments:?}: {code} {stderr}");
    }
    fs::write(place.path("telephone.toml"), GOOD).unwrap();
    fs::remove_file(place.path("token")).unwrap();
    let (code, _, stderr) = place.run(&["install"]).await;
    assert!(code == 64 && stderr.contains("token_file in"), "{stderr}");
    assert!(place.asked().is_empty() && !place.unit().exists());
}

#[tokio::test]
async fn what_somebody_else_has_written_is_left_alone() {
    let place = Place::with(GOOD);
    fs::create_dir_all(place.path("systemd/user")).unwrap();
    fs::write(place.unit(), "[Service]\nExecStart=/bin/true\n").unwrap();
    for command in ["install", "uninstall"] {
        let (code, _, stderr) = place.run(&[command]).await;
        assert!(code == 64 && stderr.contains("--name"), "{command}: {stderr}");
    }
    assert!(place.asked().is_empty() && said(&place.unit()).contains("/bin/true"));
}

#[tokio::test]
async fn without_systemd_it_says_so() {
    let place = Place::with(GOOD);
    fs::remove_file(place.path("bin/systemctl")).unwrap();
    let (code, _, stderr) = place.run(&["install"]).await;
    assert!(code == 71 && stderr.contains("is systemd what starts services here?"), "{code} {stderr}");
}
