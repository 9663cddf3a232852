//! Backups: what they hold, where they fit, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::support::{Home, Programs, until};
use super::{Ended, Place};

const SOON: Duration = Duration::from_secs(120);

/// The tables of a backup: their rows, each with its columns' names.
type Tables = BTreeMap<String, Vec<BTreeMap<String, Value>>>;

fn lines(backup: &Path) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(backup).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tables(backup: &Path) -> Tables {
    let mut tables = Tables::new();
    let mut table: Option<(String, Vec<String>)> = None;
    for line in lines(backup) {
        if let Value::Array(row) = line {
            let (name, columns) = table.as_ref().unwrap();
            assert_eq!(columns.len(), row.len());
            tables.get_mut(name).unwrap().push(columns.iter().cloned().zip(row).collect());
        } else if let Some(begun) = line.get("table") {
            let (name, columns) = (begun["name"].as_str().unwrap().to_owned(), begun["columns"].clone());
            assert!(tables.insert(name.clone(), Vec::new()).is_none());
            table = Some((name, serde_json::from_value(columns).unwrap()));
        }
    }
    tables
}

/// Writes a backup as somebody might who knows how they are made.
fn forge(backup: &Path, lines: &[Value]) {
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let rows = lines.iter().filter(|line| line.is_array()).count();
    let sum = hex::encode(Sha256::digest(&text));
    text.push_str(&format!("{}\n", json!({"end": {"rows": rows, "sha256": sum}})));
    let mut file = GzEncoder::new(fs::File::create(backup).unwrap(), Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap();
}

/// A place with an account, and a backup of it.
fn backed_up() -> (Place, PathBuf) {
    let place = Place::new();
    let added = place.run_with_input(&["user", "add", "ada@example.com", "--admin"], "correct horse battery\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    let file = place.0.path().join("backup.gz");
    back_up(&place, &file);
    (place, file)
}

fn back_up(place: &Place, file: &Path) {
    let ended = place.run(&["backup", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn restore(place: &Place, file: &Path, more: &[&str]) -> Ended {
    place.run(&[&["restore", file.to_str().unwrap()], more].concat())
}

#[tokio::test]
async fn a_backup_made_under_load_is_of_one_moment_and_fits_either_database() {
    let mut programs = Programs::start().await;
    let (acknowledged, stop) = (Arc::new(Mutex::new(BTreeSet::new())), CancellationToken::new());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (client, acknowledged, stop) = (programs.client(), acknowledged.clone(), stop.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let name = format!("w{writer}-{n}");
                    let (status, made) = client.post("/api/v1/services", &json!({"name": name})).await;
                    assert_eq!(status, 201, "{made}");
                    acknowledged.lock().unwrap().insert(name);
                }
            })
        })
        .collect();
    let count = || acknowledged.lock().unwrap().len();
    until(SOON, "they write", async || count() >= 20).await;

    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.gz");
    let before = acknowledged.lock().unwrap().clone();
    let ended = programs.command(&["backup", first.to_str().unwrap()]).output().await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let written = count();
    until(SOON, "they go on", async || count() >= written + 20).await;
    stop.cancel();
    for writer in writers {
        writer.await.unwrap();
    }

    let held = tables(&first);
    let of = |table: &str, column: &str| -> BTreeSet<String> {
        held[table].iter().map(|row| row[column].as_str().unwrap().to_owned()).collect()
    };
    let names = of("services", "name");
    assert!(names.is_superset(&before), "{:?} were acknowledged", before.difference(&names));
    // What is written in one transaction is there as a whole or not at all.
    assert_eq!(of("services", "id"), of("revisions", "object_id"));
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);

    programs.switchboard.terminate();
    programs.switchboard.ended().await;
    let server = test_postgres::Server::start().unwrap();
    for url in [server.new_database("restored").unwrap(), format!("sqlite://{}/restored.db", folder.path().display())] {
        let again = folder.path().join("again.gz");
        for arguments in [["restore", first.to_str().unwrap()], ["backup", again.to_str().unwrap()]] {
            let mut command = programs.command(&arguments);
            let ended = command.args(["--database-url", &url]).output().await.unwrap();
            assert!(ended.status.success(), "{ended:?}");
        }
        assert!(tables(&again) == held, "what was restored into {url} differs");
        programs.restart_on(&url).await;
        let (status, found) = programs.client().get("/api/v1/services?limit=100").await;
        assert_eq!(status, 200, "{found}");
        let found = found["items"].as_array().unwrap();
        assert!(!found.is_empty() && found.iter().all(|service| names.contains(service["name"].as_str().unwrap())));
        let (status, made) = programs.client().post("/api/v1/services", &json!({"name": "later"})).await;
        assert_eq!(status, 201, "{made}");
        programs.switchboard.terminate();
        programs.switchboard.ended().await;
    }
}

#[test]
fn what_is_not_whole_or_not_ours_is_refused_and_changes_nothing() {
    let (place, file) = backed_up();
    let (held, bytes) = (tables(&file), fs::read(&file).unwrap());
    let bad = place.0.path().join("bad.gz");
    let refuse = |what: &str, code: i32| {
        let ended = restore(&place, &bad, &["--replace"]);
        assert_eq!(ended.code, Some(code), "{what}: {ended:?}");
        let now = place.0.path().join("now.gz");
        back_up(&place, &now);
        assert!(tables(&now) == held, "{what}");
        ended.stderr
    };
    assert!(refuse("missing", 71).contains("No such file"));
    fs::create_dir(&bad).unwrap();
    assert!(refuse("a folder", 71).contains("directory"));
    fs::remove_dir(&bad).unwrap();
    for (what, contents) in [("nothing", &b""[..]), ("text", b"Dear Ada,"), ("a database", b"SQLite format 3\0...")] {
        fs::write(&bad, contents).unwrap();
        assert!(refuse(what, 65).contains("is not a backup"), "{what}");
    }
    for part in 1..10 {
        fs::write(&bad, &bytes[..bytes.len() * part / 10]).unwrap();
        refuse("truncated", 65);
        let mut changed = bytes.clone();
        changed[bytes.len() * part / 10] ^= 0x10;
        fs::write(&bad, changed).unwrap();
        refuse("changed", 65);
    }
    fs::write(&bad, &bytes[..bytes.len() - 1]).unwrap();
    assert!(refuse("without its end", 65).contains("is damaged: it ends too early"));
    fs::write(&bad, [&bytes[..], b"more"].concat()).unwrap();
    assert!(refuse("with something after it", 65).contains("something follows its end"));

    let mut forged = lines(&file);
    forged.pop();
    forged[0]["switchboard_backup"]["steps"].as_array_mut().unwrap().push("m99991231_000001_later".into());
    forge(&bad, &forged);
    assert!(refuse("newer tables", 65).contains("m99991231_000001_later"));
    forged[0]["switchboard_backup"]["format"] = 2.into();
    forge(&bad, &forged);
    assert!(refuse("a newer format", 65).contains("newer version"));
    let mut forged = lines(&file);
    forged.pop();
    let user = forged.iter().position(|line| line["table"]["name"] == "users").unwrap() + 1;
    forged[user][0] = "nobody".into();
    forge(&bad, &forged);
    assert!(refuse("a wrong value", 65).contains("a row of users is none"));
    forged.remove(user);
    forged.remove(user - 1);
    forge(&bad, &forged);
    refuse("a missing table", 65);
}

#[test]
fn a_database_with_accounts_is_replaced_only_when_told_to() {
    let (place, file) = backed_up();
    let held = tables(&file);
    let added = place.run_with_input(&["user", "add", "bob@example.com"], "correct horse battery\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    let refused = restore(&place, &file, &[]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.stderr.contains("--replace"), "{refused:?}");
    let passwd = ["user", "passwd", "bob@example.com"];
    assert_eq!(place.run_with_input(&passwd, "another horse battery\n").code, Some(0));

    let replaced = restore(&place, &file, &["--replace"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert_eq!(place.run_with_input(&passwd, "another horse battery\n").code, Some(65));
    let again = place.0.path().join("again.gz");
    back_up(&place, &again);
    assert_eq!(tables(&again)["users"], held["users"]);
}

#[test]
fn nothing_is_restored_under_a_running_server() {
    let (place, file) = backed_up();
    let server = place.serve(&[]);
    let refused = restore(&place, &file, &["--replace"]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains(&format!("in use by another switchboard (process {})", server.child.id())));
    if place.0.setting().is_some() {
        // Nor under one on another machine.
        let refused = restore(&place, &file, &["--replace", "--data-dir", "elsewhere"]);
        assert_eq!(refused.code, Some(69), "{refused:?}");
        assert!(refused.stderr.contains("stop every server"), "{refused:?}");
    }
}

#[test]
fn a_backup_takes_the_place_of_a_backup_and_of_nothing_else() {
    let (place, file) = backed_up();
    back_up(&place, &file);
    let letter = place.0.path().join("letter");
    fs::write(&letter, "Dear Ada,").unwrap();
    let refused = place.run(&["backup", letter.to_str().unwrap()]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert_eq!(fs::read_to_string(&letter).unwrap(), "Dear Ada,");
    let nowhere = place.run(&["backup", "/dev/null/backup"]);
    assert_eq!(nowhere.code, Some(71), "{nowhere:?}");
    let names: BTreeSet<_> = fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, BTreeSet::from(["backup.gz", "data", "letter"].map(Into::into)));
}

#[test]
fn where_there_is_no_database_none_is_made() {
    let place = Place(Home::of_files());
    let file = place.0.path().join("backup.gz");
    let ended = place.run(&["backup", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("there is no database data/switchboard.db"), "{ended:?}");
    assert!(!place.0.path().join("data/switchboard.db").exists() && !file.exists());
}

/// By the steps that it was made with and then the later ones.
#[test]
fn a_backup_of_an_older_version_is_brought_up_to_date() {
    let (place, file) = backed_up();
    let held = tables(&file);
    let user = &held["users"][0];
    let columns = ["id", "email", "password_hash", "role", "founder", "created_at", "updated_at", "deleted_at"];
    let row: Vec<_> = columns.iter().map(|column| user[*column].clone()).collect();
    let of = |name: &str, columns: &[&str]| json!({"table": {"name": name, "columns": columns}});
    let mut head = lines(&file)[0].clone();
    head["switchboard_backup"]["steps"] = json!(["m20260801_000001_accounts"]);
    let api = ["id", "user_id", "selector_hash", "verifier_hash", "created_at", "expires_at"];
    let web =
        ["id", "key_hash", "user_id", "data", "user_agent", "address", "created_at", "last_seen_at", "expires_at"];
    let old = place.0.path().join("old.gz");
    let lines = [head, of("users", &columns), row.into(), of("api_sessions", &api), of("web_sessions", &web)];
    forge(&old, &lines);
    let ended = restore(&place, &old, &["--replace"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(": 1 rows of 3 tables."), "{ended:?}");
    let again = place.0.path().join("again.gz");
    back_up(&place, &again);
    let now = tables(&again);
    assert_eq!((now.keys().collect::<Vec<_>>(), &now["users"]), (held.keys().collect(), &held["users"]));
    place.serve(&[]);
}
