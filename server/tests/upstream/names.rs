//! Backends that are known by name.

use server::upstream::{ConnectError, UpstreamError};

use crate::asking::{get, upstream};
use crate::raw::RawOrigin;

#[tokio::test]
async fn a_name_leads_to_whichever_of_its_addresses_answers() {
    // Only one of the two addresses that this name has.
    let origin = RawOrigin::start(async |mut connection| {
        connection.head().await;
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
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
