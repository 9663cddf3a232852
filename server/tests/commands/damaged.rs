//! Databases that cannot be trusted, or not be written, are refused with what to do about it, and stay as they are.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Home, skipped};
use super::{Ended, Place};

/// A place with an account in a SQLite file.
fn place() -> (Place, PathBuf) {
    let place = Place(Home::of_files());
    let added = place.run_with_input(&["user", "add", "ada@example.com", "--admin"], "correct horse battery\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    let file = place.0.path().join("data/switchboard.db");
    (place, file)
}

fn serve(place: &Place) -> Ended {
    place.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"])
}

/// It is refused, and the file is not touched.
fn refused(place: &Place, file: &Path, code: i32, says: &str) {
    let before = fs::read(file).ok();
    let ended = serve(place);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.stderr.contains(says), "{says:?} is not in {}", ended.stderr);
    assert!(ended.stderr.contains("data/switchboard.db"), "{}", ended.stderr);
    assert!(fs::read(file).ok() == before, "the file was changed");
}

const DAMAGED: &str = "restore a backup with: switchboard restore FILE";

#[test]
fn what_is_no_database_is_refused() {
    let (place, file) = place();
    let whole = fs::read(&file).unwrap();
    let mut other_start = whole.clone();
    other_start[..16].fill(b'?');
    for contents in [&b""[..], b"S", b"Dear Ada, this is no database, but a letter.", &other_start] {
        fs::write(&file, contents).unwrap();
        refused(&place, &file, 65, DAMAGED);
    }
}

#[test]
fn a_database_that_is_cut_short_or_overwritten_is_refused() {
    let (place, file) = place();
    let whole = fs::read(&file).unwrap();
    for kept in [16, 100, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&file, &whole[..kept]).unwrap();
        refused(&place, &file, 65, DAMAGED);
    }
    // The rest of its head, the table of tables, and something in the middle.
    let users = whole.windows(15).position(|bytes| bytes == b"ada@example.com").unwrap() / 4096 * 4096;
    for (from, length) in [(16, 84), (100, 3996), (4096, 8192), (users as u64, 4096)] {
        fs::write(&file, &whole).unwrap();
        let garbage: Vec<u8> = (0..length).map(|n: u64| (n * 31 + 7).to_le_bytes()[0]).collect();
        fs::OpenOptions::new().write(true).open(&file).unwrap().write_all_at(&garbage, from).unwrap();
        refused(&place, &file, 65, DAMAGED);
    }
    fs::write(&file, &whole).unwrap();
    place.serve(&[]);
}

/// What was written last is then in a file of its own, which goes into the other one when a connection that writes ends.
#[test]
fn a_damaged_database_of_a_server_that_was_killed_is_refused() {
    let (place, file) = place();
    // The first server of all makes the key its own, and leaves nothing of that in the other file.
    let mut first = place.serve(&[]);
    first.signal("-TERM");
    assert!(first.wait().success());
    let mut server = place.serve(&[]);
    server.signal("-KILL");
    server.wait();
    let log = file.with_file_name("switchboard.db-wal");
    let written = fs::read(&log).unwrap();
    assert!(!written.is_empty());
    let whole = fs::read(&file).unwrap();
    let half = whole.len() / 8192 * 4096;
    fs::write(&file, [&whole[..half], &vec![b'?'; whole.len() - half]].concat()).unwrap();
    for _ in 0..3 {
        refused(&place, &file, 65, DAMAGED);
        assert!(fs::read(&log).unwrap() == written, "what was written last was changed");
    }
}

#[test]
fn a_file_that_went_away_is_not_replaced_by_an_empty_one() {
    let (place, file) = place();
    // What was written last is beside it while a server runs, and stays there when that is killed.
    let mut server = place.serve(&[]);
    server.signal("-KILL");
    server.wait();
    fs::remove_file(&file).unwrap();
    refused(&place, &file, 65, DAMAGED);
    assert!(!file.exists());
}

#[test]
fn a_folder_in_its_place_is_refused() {
    let place = Place(Home::of_files());
    let file = place.0.path().join("data/switchboard.db");
    fs::create_dir_all(&file).unwrap();
    refused(&place, &file, 78, "is a directory");
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    let (place, file) = place();
    let insert = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99991231_000001_later', 0)";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sea_orm::ConnectionTrait;
        let database = sea_orm::Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
        database.execute_unprepared(insert).await.unwrap();
        database.close().await.unwrap();
    });
    refused(&place, &file, 65, "of a newer version of switchboard (step m99991231_000001_later");
}

/// On a file system that is mounted for reading, since root may write whatever the permissions say.
#[test]
fn a_database_that_cannot_be_written_is_refused() {
    let (place, file) = place();
    let folder = file.parent().unwrap();
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@""#;
    let unshare = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(folder).args(program);
        command.current_dir(place.0.path());
        command
    };
    if !unshare(&["true"]).output().is_ok_and(|ended| ended.status.success()) {
        skipped("to mount a folder, as root or with user namespaces");
        return;
    }
    let url = format!("sqlite://{}", file.display());
    let serve = [
        env!("CARGO_BIN_EXE_switchboard"),
        "serve",
        "--listen=127.0.0.1:0",
        "--metrics-listen=off",
        "--data-dir=elsewhere",
        "--database-url",
        &url,
    ];
    let ended = Ended::from(unshare(&serve).output().unwrap());
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("cannot write the database"), "{ended:?}");
}
