//! `explain`, `export` and `apply`.

use serde_json::Value;

use telephone::{Agent, Announcement, Target};

use super::support::{Origin, Switchboard};
use super::{Ended, Place};

const DOCUMENT: &str = r#"
[[services]]
name = "shop"
balance = "round_robin"

[[backends]]
id = "web-1"
service = "shop"
address = "10.0.0.1:80"
tags = ["v1"]

[[backends]]
id = "web-2"
service = "shop"
address = "10.0.0.2:80"
tags = ["v2"]

[[domains]]
domain = "shop.example.com"
service = "shop"
enabled_backends_tag = "v1"
front.deny = ["203.0.113.0/24"]
front.basic_auth.users = [{name = "ada", password = "open sesame"}]

[[routes]]
domain = "shop.example.com"
mount = "/api"
strip_prefix = true
service = "shop"
enabled_backends_tag = "v2"
front.body_limit = 1_000
headers.request.set.authorization = "Bearer of-shop"
"#;

fn administered() -> Place {
    let place = Place::new();
    let added = place.run_with_input(&["user", "add", "ada@example.com", "--admin"], "correct horse battery\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    place
}

fn apply(place: &Place, document: &str, more: &[&str]) -> Ended {
    place.run_with_input(&[&["apply", "-f", "-"], more].concat(), document)
}

fn done(ended: Ended) -> String {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[test]
fn a_document_is_planned_applied_and_exported() {
    let place = administered();
    let plan = done(apply(&place, DOCUMENT, &["--dry-run"]));
    for line in ["+ service shop", "+ backend web-1", "+ domain shop.example.com", "+ route shop.example.com /api"] {
        assert!(plan.lines().any(|found| found == line), "{line} is missing in {plan}");
    }
    assert!(plan.ends_with("5 to make, 0 to change, 0 to delete; nothing was changed.\n"), "{plan}");
    assert_eq!(done(place.run(&["export"])), "", "nothing was changed");

    let applied = done(apply(&place, DOCUMENT, &["--update-interval", "7s"]));
    assert!(applied.contains("5 made, 0 changed, 0 deleted.\n"), "{applied}");
    // PostgreSQL tells servers of it, a file does not.
    let live = if place.0.setting().is_some() { "by this at once.\n" } else { "within 7s, its update_interval.\n" };
    assert!(applied.ends_with(live), "{applied}");
    assert_eq!(done(apply(&place, DOCUMENT, &[])), "Everything is as the document says; nothing to do.\n");

    let other = done(apply(&place, &DOCUMENT.replace("open sesame", "shut sesame"), &[]));
    assert!(other.starts_with("~ domain shop.example.com: what is secret of it\n0 made, 1 changed, 0"), "{other}");

    let exported = done(place.run(&["export"]));
    assert!(exported.contains("owner = \"ada@example.com\"") && exported.contains("/api"), "{exported}");
    assert!(exported.contains("********") && !exported.contains("Bearer"), "a secret is written once: {exported}");
    assert!(exported.contains("203.0.113.0/24") && exported.contains("body_limit = 1000"), "{exported}");
    assert!(!exported.contains("sesame") && !exported.contains("argon2"), "a password is written once: {exported}");
    std::fs::write(place.0.path().join("routes.toml"), &exported).unwrap();
    let again = done(place.run(&["apply", "--file", "routes.toml"]));
    assert_eq!(again, "Everything is as the document says; nothing to do.\n");

    let next = DOCUMENT.replace("10.0.0.2:80", "10.0.0.3:80").replace("open sesame", "shut sesame");
    let (next, _) = next.split_once("[[routes]]").unwrap();
    let changed = done(apply(&place, next, &[]));
    let lines: Vec<_> = changed.lines().collect();
    assert!(lines[0].starts_with("~ backend web-2: address ") && lines[0].contains("10.0.0.3"), "{changed}");
    assert_eq!(lines[1], "- route shop.example.com /api", "{changed}");
    assert_eq!(lines[2], "0 made, 1 changed, 1 deleted.");
}

/// What telephones bring is in no document, and their tags are all the same enabled.
#[tokio::test]
async fn what_telephones_have_made_can_be_applied_to_an_empty_server() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let announced = Announcement { host: Some("shop.example.com".to_owned()), ..Announcement::default() };
    let announced = Announcement { tag: Some("blue".to_owned()), ..announced };
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let telephone = Agent::builder(switchboard.url(), token).target(target).announce(announced).start().unwrap();
    telephone.ready().await.unwrap();
    drop(telephone);
    let exported = done(Place(switchboard.stop().await).run(&["export", "--data-dir", "."]));
    assert!(exported.contains("[[announced]]") && !exported.contains("[[backends]]"), "{exported}");

    let place = administered();
    let without = exported.replace("tags = [\"blue\"]", "tags = [\"green\"]");
    let refused = apply(&place, &without, &[]);
    assert!(refused.code == Some(65) && refused.stderr.contains("blue"), "{refused:?}");
    let applied = done(apply(&place, &exported, &[]));
    assert!(applied.contains("2 made, 0 changed, 0 deleted.\n"), "{applied}");
    assert_eq!(done(apply(&place, &exported, &[])), "Everything is as the document says; nothing to do.\n");
    assert_eq!(done(place.run(&["export"])), exported);
}

#[test]
fn a_wrong_document_changes_nothing_and_says_where() {
    let place = administered();
    done(apply(&place, DOCUMENT, &[]));
    let before = done(place.run(&["export"]));
    for (document, says) in [
        ("[[services]]\nname = \"shop\"\nbalancing = \"x\"\n", vec!["line 3", "unknown field `balancing`"]),
        ("[[backends]]\nid = \"a\"\naddress = \"10.0.0.1:80\"\nweight = 101\n", vec!["line 4", "0 to 100"]),
        ("[[services]\n", vec!["line 1"]),
        ("[[backends]]\naddress = \"10.0.0.1:80\"\n", vec!["field id"]),
        (
            "[[domains]]\ndomain = \"a.b\"\nenabled_backends_tag = \"v9\"\n",
            vec!["domain a.b", "v9", "enabled_backends_tag"],
        ),
        ("", vec!["empty", "services = []"]),
    ] {
        let refused = apply(&place, document, &[]);
        assert_eq!(refused.code, Some(65), "{document}: {refused:?}");
        assert!(
            refused.stdout.is_empty() && refused.stderr.starts_with("switchboard: standard input: "),
            "{refused:?}"
        );
        assert!(says.iter().all(|text| refused.stderr.contains(text)), "{document}: {}", refused.stderr);
    }
    assert_eq!(done(place.run(&["export"])), before);
    let missing = place.run(&["apply", "-f", "nothing.toml"]);
    assert!(missing.code == Some(65) && missing.stderr.contains("nothing.toml"), "{missing:?}");
    assert_eq!(place.run(&["apply"]).code, Some(64));
    assert!(done(apply(&place, "services = []\n", &[])).contains("0 made, 0 changed, 5 deleted.\n"));
}

/// Each time it would make another service.
#[test]
fn a_document_does_not_make_services_of_addresses() {
    let place = administered();
    let document = "[[domains]]\ndomain = \"app.example.com\"\naddress = \"10.0.0.1:80\"\n";
    let refused = apply(&place, document, &[]);
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.stderr.contains("a document names a service with a backend of this address"), "{refused:?}");
}

/// What was made of an address is a service like any other.
#[tokio::test]
async fn what_was_made_of_an_address_can_be_exported_and_applied() {
    let switchboard = Switchboard::start().await;
    let domain = serde_json::json!({"domain": "app.example.com", "address": "http://10.0.0.5:3000"});
    assert_eq!(switchboard.client().post("/api/v1/domains", &domain).await.0, 201);
    let exported = done(Place(switchboard.stop().await).run(&["export", "--data-dir", "."]));
    let place = administered();
    assert!(done(apply(&place, &exported, &[])).contains("3 made, 0 changed, 0 deleted.\n"), "{exported}");
    assert_eq!(done(apply(&place, &exported, &[])), "Everything is as the document says; nothing to do.\n");
    assert_eq!(done(place.run(&["export"])), exported);
}

#[test]
fn a_document_can_be_about_one_account() {
    let place = administered();
    let bob = ["user", "add", "bob@example.com"];
    assert_eq!(place.run_with_input(&bob, "another horse battery\n").code, Some(0));
    done(apply(&place, DOCUMENT, &[]));
    let blog = "[[services]]\nname = \"blog\"\n";
    let whose = ["--owner", "bob@example.com"];
    assert!(done(apply(&place, blog, &whose)).contains("1 made, 0 changed, 0 deleted.\n"));
    let exported = done(place.run(&[&["export"], whose.as_slice()].concat()));
    assert!(exported.contains("blog") && !exported.contains("shop"), "{exported}");
    assert!(done(place.run(&["export"])).contains("shop"));
    let nobody = place.run(&["export", "--owner", "nobody@example.com"]);
    assert!(nobody.code == Some(65) && nobody.stderr.contains("account"), "{nobody:?}");
    let none = Place::new().run(&["export"]);
    assert!(none.code == Some(65) && none.stderr.contains("user add"), "{none:?}");
}

/// Two addresses: at one a server says that all is well, at the other there is nobody.
fn well_and_nobody() -> [String; 2] {
    use std::io::{BufRead, BufReader, Write};
    let [well, nobody] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = [&well, &nobody].map(|listener| listener.local_addr().unwrap().to_string());
    // Its port stays its own: nobody else answers there.
    std::thread::spawn(move || nobody.incoming().for_each(drop));
    std::thread::spawn(move || {
        for mut stream in well.incoming().map_while(Result::ok) {
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).for_each(drop);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
        }
    });
    addresses
}

#[test]
fn a_request_is_explained_without_a_server() {
    let place = administered();
    let [well, nobody] = well_and_nobody();
    let third = format!("[[backends]]\nid = \"web-3\"\nservice = \"shop\"\naddress = \"{nobody}\"\ntags = [\"v2\"]\n");
    let document = DOCUMENT.replace("10.0.0.1:80", &well).replace("10.0.0.2:80", &well);
    done(apply(&place, &(document + &third), &[]));
    let told = done(place.run(&["explain", "http://shop.example.com/api/users?id=1"]));
    for text in [
        "host    + shop.example.com is a host of its own",
        "mount   + the mount /api covers the path",
        "target  + it leads to the service shop",
        "A backend of the service shop with the tag v2 is asked for /users?id=1, by the route ",
        &format!("> web-2  {well}  running, healthy, weight 1: chosen"),
        &format!("  web-3  {nobody}  running, unhealthy, weight 1: its health check fails"),
        "Which telephones are connected",
    ] {
        assert!(told.contains(text), "{text} is missing in {told}");
    }
    assert!(!told.contains("web-1"), "{told}");
    let nowhere = done(place.run(&["explain", "other.example.com"]));
    assert!(nowhere.contains("The answer is the error 404, Service Not Found"), "{nowhere}");

    let arguments = ["explain", "shop.example.com", "--header", "Cookie: a=b", "--method", "POST", "--json"];
    let json: Value = serde_json::from_str(&done(place.run(&arguments))).unwrap();
    assert_eq!((&json["host"], &json["outcome"]["kind"]), (&"shop.example.com".into(), &"service".into()));
    assert_eq!(json["outcome"]["candidates"][0]["id"], "web-1");
    assert_eq!(place.run(&["explain", "ftp://shop.example.com"]).code, Some(65));
    assert_eq!(place.run(&["explain", "shop.example.com", "--header", "none"]).code, Some(64));
}

#[test]
fn a_running_server_notices_what_was_applied() {
    let place = administered();
    let server = place.serve(&["--update-interval", "1s"]);
    let asked = |path: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&server.listen).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: old.example.com\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(asked("/").starts_with("HTTP/1.1 404"));
    let document = "[[domains]]\ndomain = \"old.example.com\"\nredirect = { to = \"https://new.example.com\" }\n";
    done(apply(&place, document, &[]));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !asked("/shop").contains("https://new.example.com/shop") {
        assert!(std::time::Instant::now() < deadline, "the server has not noticed");
    }
}
