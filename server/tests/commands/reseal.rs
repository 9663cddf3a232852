//! `keys reseal`: the key that secrets in the database are encrypted with is replaced, not the right one, or lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Ended, Place};

const DOCUMENT: &str = r#"
[[services]]
name = "shop"

[[backends]]
id = "web-1"
service = "shop"
address = "10.0.0.1:80"

[[routes]]
mount = "/api"
service = "shop"
headers.request.set.authorization = "Bearer of-shop-0123456789"
"#;

fn done(ended: Ended) -> String {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// A place where a route sets a secret header.
fn filled() -> Place {
    let place = Place::new();
    done(place.run_with_input(&["user", "add", "ada@example.com", "--admin"], "correct horse battery\n"));
    done(place.run_with_input(&["apply", "-f", "-"], DOCUMENT));
    place
}

fn file(place: &Place, name: &str) -> PathBuf {
    place.0.path().join("data").join(name)
}

fn key(place: &Place, name: &str) -> String {
    fs::read_to_string(file(place, name)).unwrap()
}

/// The database is refused, and the text says what to do.
fn refused(place: &Place, command: &[&str]) {
    let ended = place.run(command);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("sealing_key is not the key") && ended.stderr.contains("--lost"), "{ended:?}");
}

#[test]
fn a_new_key_seals_everything_and_the_old_one_is_kept() {
    let place = filled();
    let (before, exported) = (key(&place, "sealing.key"), done(place.run(&["export"])));
    let told = done(place.run(&["keys", "reseal"]));
    assert!(told.contains("2 secrets are sealed") && told.contains("sealing.key.old"), "{told}");
    let after = key(&place, "sealing.key");
    assert_ne!(after, before);
    assert_eq!(key(&place, "sealing.key.old"), before);
    for name in ["sealing.key", "sealing.key.old"] {
        assert_eq!(fs::metadata(file(&place, name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(!file(&place, "sealing.key.new").exists());
    assert_eq!(done(place.run(&["export"])), exported);
    // What it left out is kept when it is applied again.
    assert!(!exported.contains("of-shop"), "{exported}");
    assert!(done(place.run_with_input(&["apply", "-f", "-"], &exported)).contains("nothing to do"));

    // Interrupted after the database has changed and before the file has: nothing is served, and to go on mends it.
    fs::rename(file(&place, "sealing.key"), file(&place, "sealing.key.new")).unwrap();
    fs::rename(file(&place, "sealing.key.old"), file(&place, "sealing.key")).unwrap();
    refused(&place, &["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    refused(&place, &["export"]);
    assert!(done(place.run(&["keys", "reseal"])).contains("already"));
    assert_eq!(key(&place, "sealing.key"), after);
    // Interrupted before that: the key that was made is the one that is taken.
    fs::write(file(&place, "sealing.key.new"), "of an attempt before, 0123456789abcdef").unwrap();
    done(place.run(&["keys", "reseal"]));
    assert_eq!(key(&place, "sealing.key"), "of an attempt before, 0123456789abcdef");
    assert_eq!(done(place.run(&["export"])), exported);
}

#[test]
fn a_key_of_a_setting_is_replaced_by_one_in_a_file() {
    let place = filled();
    let (first, second) = (key(&place, "sealing.key"), file(&place, "second.key"));
    fs::write(&second, "another key, 0123456789abcdef0123456789").unwrap();
    let second = second.to_str().unwrap();
    let run = |key: &str, arguments: &[&str]| {
        Ended::from(place.switchboard(arguments).env("SWITCHBOARD_SEALING_KEY", key).output().unwrap())
    };
    let ended = run(&first, &["keys", "reseal"]);
    assert_eq!((ended.code, ended.stderr.contains("--to FILE")), (Some(65), true), "{ended:?}");
    let ended = place.run(&["keys", "reseal", "--to", second]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    done(run(&first, &["keys", "reseal", "--to", second]));
    assert_eq!(run(&first, &["export"]).code, Some(78));
    done(run("another key, 0123456789abcdef0123456789", &["export"]));
    assert!(!file(&place, "sealing.key.old").exists());
}

#[test]
fn what_a_lost_key_has_sealed_is_given_up_when_told_to() {
    let place = filled();
    assert!(done(place.run(&["keys", "reseal", "--lost"])).contains("Nothing was lost"));
    done(place.run(&["keys", "rotate"]));
    fs::remove_file(file(&place, "sealing.key")).unwrap();
    refused(&place, &["export"]);
    refused(&place, &["keys", "reseal"]);
    let told = done(place.run(&["keys", "reseal", "--lost"]));
    assert!(told.contains("route /api") && told.contains("authorization"), "{told}");
    assert!(told.contains("key of access tokens: replaced"), "{told}");
    let exported = done(place.run(&["export"]));
    assert!(exported.contains(r#"remove = ["authorization"]"#), "{exported}");
    assert!(done(place.run(&["keys", "reseal", "--lost"])).contains("Nothing was lost"));
}

#[test]
fn nothing_is_sealed_anew_under_a_running_server() {
    let place = filled();
    let server = place.serve(&[]);
    let ended = place.run(&["keys", "reseal"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("in use by another switchboard"), "{ended:?}");
    drop(server);
    done(place.run(&["keys", "reseal"]));
}
