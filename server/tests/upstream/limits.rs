//! Bounds and deadlines.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use http_body_util::Full;
use server::upstream::{ConnectError, ConnectPolicy, Connections, Outside, Settings, Upstream, UpstreamError};

use crate::asking::{answer, common, get, head, text, with};
use crate::raw::RawOrigin;

async fn pages() -> RawOrigin {
    RawOrigin::start(async |mut connection| {
        while connection.head().await.is_some() {
            connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await
}

#[tokio::test]
async fn a_backend_has_so_many_connections_and_no_more() {
    let origin = pages().await;
    let settings = Settings { max_connections: 4, connect_timeout: Duration::from_millis(200), ..Settings::default() };
    let upstream = with(origin.address, settings);
    // All of them get one in turn.
    for answered in join_all((0..100).map(|_| get(&upstream))).await {
        assert_eq!(answered.unwrap().1, "ok");
    }
    assert_eq!(origin.accepted(), 4);

    let held = join_all((0..4).map(|_| answer(&upstream, head(Method::GET, "/"), None::<Full<Bytes>>))).await;
    let failed = get(&upstream).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Busy(4)), "{failed:?}");
    assert!(!failed.error.may_have_arrived() && !failed.error.is_the_backends_fault());
    for held in held {
        text(held.unwrap().1).await.unwrap();
    }
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
    assert_eq!(upstream.connections(), Connections { open: 4, idle: 4 });
}

#[tokio::test]
async fn idle_connections_are_not_kept_without_bound() {
    let origin = pages().await;
    let upstream = with(origin.address, Settings { max_idle: 3, ..Settings::default() });
    let held = join_all((0..10).map(|_| answer(&upstream, head(Method::GET, "/"), None::<Full<Bytes>>))).await;
    for held in held {
        text(held.unwrap().1).await.unwrap();
    }
    assert_eq!(upstream.connections(), Connections { open: 3, idle: 3 });
}

#[tokio::test]
async fn nobody_there_is_told_from_nobody_answering() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = get(&with(closed, Settings::default())).await.unwrap_err();
    assert!(failed.error.to_string().contains(&closed.to_string()), "{}", failed.error);
    assert!(!failed.error.may_have_arrived() && failed.error.is_the_backends_fault() && failed.untouched);

    // The handshake of TLS is part of connecting, and this one never answers it.
    let silent = RawOrigin::start(async |mut connection| connection.gone().await).await;
    let settings = Settings { connect_timeout: Duration::from_millis(200), ..Settings::default() };
    let failed = get(&with(format!("https://{}", silent.address), settings)).await.unwrap_err();
    assert!(matches!(failed.error, UpstreamError::Timeout(_)), "{failed:?}");
    assert!(!failed.error.may_have_arrived());
}

#[tokio::test]
async fn an_address_that_is_refused_is_not_connected_to() {
    let origin = pages().await;
    let policy = ConnectPolicy::Public(Outside::default().into());
    for address in [origin.address.to_string(), format!("localhost:{}", origin.address.port())] {
        let upstream = Upstream::new(address.parse().unwrap(), true, policy.clone(), &common(Settings::default()));
        let failed = get(&upstream).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Policy(_))), "{failed:?}");
    }
    assert_eq!(origin.accepted(), 0);
}
