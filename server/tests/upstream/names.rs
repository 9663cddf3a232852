//! Backends that are known by name.

use std::sync::Arc;
use std::time::Duration;

use server::upstream::{Common, ConnectError, ConnectPolicy, Names, Settings, Upstream, UpstreamError};
use tokio::time::{Instant, sleep};

use crate::asking::{common, get, upstream};
use crate::name_server::{NameServer, Says};
use crate::raw::{Connection, RawOrigin};

/// Answers one request, and closes the connection.
async fn once(mut connection: Connection) {
    connection.head().await;
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
}

fn asking(server: &NameServer, address: String) -> Upstream {
    let names = Arc::new(Names::asking(vec![server.address]));
    let settings = Settings { connect_timeout: Duration::from_secs(1), ..Settings::default() };
    let common = Common { names, ..common(settings) };
    Upstream::new(address.parse().unwrap(), true, ConnectPolicy::Anything, &common)
}

#[tokio::test]
async fn a_name_leads_to_whichever_of_its_addresses_answers() {
    // Only one of the two addresses that this name has.
    let origin = RawOrigin::start(once).await;
    let upstream = upstream(format!("localhost:{}", origin.address.port()));
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_named() {
    let failed = get(&upstream("no-such-host.invalid:80")).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Name(_))), "{failed:?}");
    assert!(failed.error.to_string().contains("no-such-host.invalid"), "{}", failed.error);
    assert!(!failed.error.may_have_arrived());
}

#[tokio::test]
async fn a_backend_that_has_moved_is_found_again_at_once() {
    let server = NameServer::start().await;
    let origin = RawOrigin::start(once).await;
    server.set_address("app.example", "127.0.0.2");
    let upstream = asking(&server, format!("app.example:{}", origin.address.port()));
    // Nobody is at its address.
    let failed = get(&upstream).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Io { .. })), "{failed:?}");
    // However long the last answer would hold.
    server.set_address("app.example", "127.0.0.1");
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
}

#[tokio::test]
async fn an_answer_of_a_name_server_holds_as_long_as_it_says() {
    let server = NameServer::start().await;
    let origin = RawOrigin::start(once).await;
    let other = tokio::net::TcpListener::bind(("127.0.0.2", origin.address.port())).await.unwrap();
    server.set_address("app.example", "127.0.0.1");
    let upstream = asking(&server, format!("app.example:{}", origin.address.port()));
    get(&upstream).await.unwrap();
    // Both answer: it is the name server alone that says which one it is.
    server.set_address("app.example", "127.0.0.2");
    let moved = async {
        loop {
            get(&upstream).await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        accepted = other.accept() => drop(accepted.unwrap()),
        () = moved => {}
    }
}

#[tokio::test]
async fn name_servers_that_are_away_are_no_reason_to_forget_where_a_backend_was() {
    let server = NameServer::start().await;
    let origin = RawOrigin::start(once).await;
    server.set_address("app.example", "127.0.0.1");
    let upstream = asking(&server, format!("app.example:{}", origin.address.port()));
    get(&upstream).await.unwrap();
    server.set("app.example", [Says::Nothing]);
    // For longer than the last answer holds, and without waiting for the next one each time.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        get(&upstream).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    // One that is not known yet is waited for.
    server.set_address("app.example", "127.0.0.1");
    server.set("new.example", [Says::Nothing]);
    let failed = get(&asking(&server, "new.example:80".to_owned())).await.unwrap_err();
    assert!(!failed.error.may_have_arrived(), "{failed:?}");
}
