//! One check of one domain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::{HostPattern, Verification};
use hickory_resolver::proto::op::ResponseCode;
use http::{Response, StatusCode};
use server::domains::{CheckFailed, DomainChecker, Names, Verified, VerifiedBy};
use server::upstream::{ConnectPolicy, Outside};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::name_server::{NameServer, Says};
use crate::support::{Body, Origin, full, within};

const TOKEN: &str = "0123456789abcdef";
const VALUE: &str = "sb-verify=0123456789abcdef";
const RECORD: &str = "_switchboard.app.example.com";
const URL: &str = "http://app.example.com/.well-known/switchboard-verification/0123456789abcdef";
const NO_RECORD: &str = "no TXT record at _switchboard.app.example.com; expected \"sb-verify=0123456789abcdef\"";

fn checker(server: &NameServer, web: SocketAddr) -> DomainChecker {
    DomainChecker::new(Names::new(vec![server.address]), ConnectPolicy::Anything, web.port())
}

async fn check(checker: &DomainChecker, domain: &str) -> Result<VerifiedBy, String> {
    let domain: HostPattern = domain.parse().unwrap();
    let expected = Verification::of(&domain, TOKEN);
    let checked = within(Duration::from_secs(20), "a check", checker.check(&domain, &expected));
    checked.await.map(|Verified { by }| by).map_err(|CheckFailed { text }| text)
}

/// Nobody listens there.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// What is said about a file that `answer` is the answer to.
async fn file(answer: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Result<VerifiedBy, String> {
    let names = NameServer::start().await;
    names.set_address("app.example.com", "127.0.0.1");
    let web = Origin::start(move |_| std::future::ready(answer())).await;
    let checked = check(&checker(&names, web.address), "app.example.com").await;
    checked.map_err(|text| text.strip_prefix(&format!("{NO_RECORD}. And no proof at {URL}: ")).unwrap().to_owned())
}

#[tokio::test]
async fn a_record_among_others_shows_it() {
    let names = NameServer::start().await;
    let checker = checker(&names, nowhere().await);
    assert_eq!(
        check(&checker, "app.example.com").await,
        Err(format!("{NO_RECORD}. And no proof at {URL}: the host has no address"))
    );
    names.set(RECORD, [Says::Texts(vec![vec!["v=spf1 -all"], vec!["other"]])]);
    let others = check(&checker, "app.example.com").await.unwrap_err();
    assert!(
        others.starts_with(&format!("no TXT record {VALUE:?} at {RECORD}; found: \"v=spf1 -all\", \"other\". And ")),
        "{others}"
    );
    // Nothing that was said before is remembered.
    names.set(RECORD, [Says::Texts(vec![vec!["v=spf1 -all"], vec![VALUE]])]);
    assert_eq!(check(&checker, "app.example.com").await, Ok(VerifiedBy::Record));
}

#[tokio::test]
async fn the_strings_of_a_record_are_joined() {
    let names = NameServer::start().await;
    names.set(RECORD, [Says::Texts(vec![vec!["sb-ver", "ify=0123456789", "abcdef"]])]);
    assert_eq!(check(&checker(&names, nowhere().await), "app.example.com").await, Ok(VerifiedBy::Record));
}

#[tokio::test]
async fn an_alias_is_followed() {
    let names = NameServer::start().await;
    names.set(RECORD, [Says::Alias("proof.example.net")]);
    names.set("proof.example.net", [Says::Alias("other.example.org")]);
    names.set_text("other.example.org", VALUE);
    assert_eq!(check(&checker(&names, nowhere().await), "app.example.com").await, Ok(VerifiedBy::Record));
}

#[tokio::test]
async fn an_answer_too_long_for_a_datagram_is_asked_for_again() {
    let names = NameServer::start().await;
    let long: &str = "x".repeat(250).leak();
    let many = std::iter::repeat_n(vec![long], 12).chain([vec![VALUE]]).collect();
    names.set(RECORD, [Says::Texts(many)]);
    assert_eq!(check(&checker(&names, nowhere().await), "app.example.com").await, Ok(VerifiedBy::Record));
}

#[tokio::test]
async fn a_wildcard_is_shown_by_a_record_only() {
    let names = NameServer::start().await;
    names.set_address("example.com", "127.0.0.1");
    let web = Origin::start(|_| std::future::ready(Response::new(full(VALUE)))).await;
    let checker = checker(&names, web.address);
    let expected = format!("no TXT record at _switchboard.example.com; expected {VALUE:?}");
    assert_eq!(check(&checker, "*.example.com").await, Err(expected));
    names.set_text("_switchboard.example.com", VALUE);
    assert_eq!(check(&checker, "*.example.com").await, Ok(VerifiedBy::Record));
}

#[tokio::test]
async fn name_servers_that_fail_are_named() {
    let names = NameServer::start().await;
    let checker = checker(&names, nowhere().await);
    names.set(RECORD, [Says::Code(ResponseCode::ServFail)]);
    let failed = check(&checker, "app.example.com").await.unwrap_err();
    let looked =
        format!("the TXT record at {RECORD} could not be looked up: the name server {} answered ", names.address);
    assert!(failed.starts_with(&looked), "{failed}");
    names.set(RECORD, [Says::Nothing]);
    let silent = check(&checker, "app.example.com").await.unwrap_err();
    assert!(
        silent.starts_with(&format!(
            "the TXT record at {RECORD} could not be looked up: the name server {} did not answer",
            names.address
        )),
        "{silent}"
    );
}

#[tokio::test]
async fn a_file_shows_it_with_the_token_or_the_whole_value() {
    for content in [TOKEN, VALUE, "sb-verify=0123456789abcdef\r\n"] {
        assert_eq!(file(move || Response::new(full(content))).await, Ok(VerifiedBy::File), "{content:?}");
    }
}

#[tokio::test]
async fn the_file_is_asked_for_at_its_path_and_host() {
    let names = NameServer::start().await;
    names.set_address("app.example.com", "127.0.0.1");
    let web = Origin::start(|request| {
        let asked = (request.uri().path() == &URL["http://app.example.com".len()..])
            && request.headers()["host"] == "app.example.com"
            && request.headers()["user-agent"].to_str().unwrap().starts_with("switchboard-verification/");
        std::future::ready(Response::new(full(if asked { TOKEN } else { "" })))
    })
    .await;
    assert_eq!(check(&checker(&names, web.address), "app.example.com").await, Ok(VerifiedBy::File));
}

#[tokio::test]
async fn a_wrong_file_is_described() {
    let status = |status, location: Option<&'static str>| {
        move || {
            let mut answer = Response::builder().status(status);
            if let Some(location) = location {
                answer = answer.header("location", location);
            }
            answer.body(full(VALUE)).unwrap()
        }
    };
    assert_eq!(
        file(status(StatusCode::NOT_FOUND, None)).await,
        Err("the server answered 404 Not Found instead of 200".to_owned())
    );
    assert_eq!(
        file(status(StatusCode::MOVED_PERMANENTLY, Some("https://app.example.com/"))).await,
        Err("the server answered 301 Moved Permanently to \"https://app.example.com/\"; redirects are not followed, so serve the file at this very address".to_owned())
    );
    assert_eq!(
        file(|| Response::new(full("<html>\u{1b}[31m"))).await,
        Err("it holds \"<html>\\u{1b}[31m\" instead of \"sb-verify=0123456789abcdef\"".to_owned())
    );
    assert_eq!(file(|| Response::new(full(vec![b'x'; 4097]))).await, Err("the file is longer than 4 KiB".to_owned()));
}

#[tokio::test]
async fn what_members_may_not_reach_is_not_asked() {
    let names = NameServer::start().await;
    let web = Origin::start(|_| std::future::ready(Response::new(full(VALUE)))).await;
    // Nor the node itself by an address that is not the Internet's.
    for own in [vec![], vec![web.address]] {
        let outside = Outside { own, ..Outside::default() };
        let outside = ConnectPolicy::Public(Arc::new(outside));
        let checker = DomainChecker::new(Names::new(vec![names.address]), outside, web.address.port());
        for address in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"] {
            names.set_address("app.example.com", address);
            let refused = check(&checker, "app.example.com").await.unwrap_err();
            assert!(refused.contains("the host leads to"), "{refused}");
            // Not even when another address may be reached.
            names.set(
                "app.example.com",
                [Says::Address("192.0.2.1".parse().unwrap()), Says::Address(address.parse().unwrap())],
            );
            let refused = check(&checker, "app.example.com").await.unwrap_err();
            assert!(refused.contains("the host leads to"), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_web_server_that_says_nothing_is_given_up() {
    let names = NameServer::start().await;
    names.set_address("app.example.com", "127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let checker = checker(&names, listener.local_addr().unwrap());
    let accept = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = accept => {}
        checked = check(&checker, "app.example.com") => {
            assert_eq!(checked, Err(format!("{NO_RECORD}. And no proof at {URL}: it was not there within 5 s")));
        }
    }
    let refused = check(
        &DomainChecker::new(Names::new(vec![names.address]), ConnectPolicy::Anything, nowhere().await.port()),
        "app.example.com",
    )
    .await;
    assert!(refused.unwrap_err().contains("no connection to 127.0.0.1:"));
}
