//! The live WebSocket with a session's cookie.

use std::time::Duration;

use futures_util::StreamExt;
use http::{HeaderValue, header};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use crate::browser::Browser;
use crate::support::{Switchboard, until, within};

/// Less than the minute after which a socket's session is looked at again whatever happens.
const SOON: Duration = Duration::from_secs(40);

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn open(switchboard: &Switchboard, browser: &Browser, origin: &str) -> Result<Socket, u16> {
    let mut request = format!("ws://localhost:{}/ws/user", switchboard.address.port()).into_client_request().unwrap();
    let headers = request.headers_mut();
    if let Some(cookie) = &browser.cookie {
        headers.insert(header::COOKIE, cookie.parse().unwrap());
    }
    if let Some(token) = browser.client.token() {
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    if !origin.is_empty() {
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    let stream = TcpStream::connect(switchboard.address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// How the server closes it.
pub(crate) async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    within(SOON, "the socket is closed", async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await
}

#[tokio::test]
async fn only_the_dashboards_own_pages_may_open_it() {
    let switchboard = Switchboard::start().await;
    let browser = Browser::signed_in(&switchboard).await;
    let port = switchboard.address.port();
    for origin in ["https://evil.example", &format!("http://app.localhost:{port}"), "null", ""] {
        assert_eq!(open(&switchboard, &browser, origin).await.err(), Some(403), "{origin:?}");
    }
    let mut socket = open(&switchboard, &browser, &switchboard.url()).await.unwrap();
    let first = socket.next().await.unwrap().unwrap();
    assert!(first.to_text().unwrap().contains("\"type\":\"snapshot\""), "{first}");
}

#[tokio::test]
async fn a_browser_that_is_signed_out_stops_seeing() {
    let switchboard = Switchboard::start().await;
    let (mut here, there) = (Browser::signed_in(&switchboard).await, Browser::signed_in(&switchboard).await);
    let mut socket = open(&switchboard, &there, &switchboard.url()).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_text());
    here.submit("/web/action/end_other_sessions", &[]).await.goes_to();
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Policy));
}

#[tokio::test]
async fn a_session_in_use_ends_when_it_has_lasted_long_enough_and_its_socket_with_it() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SESSION_LIFETIME", "8s")]).await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let mut socket = open(&switchboard, &browser, &switchboard.url()).await.unwrap();
    let used = until(SOON, "the session ends although it is used", async || {
        (300..400).contains(&browser.open("/web").await.status)
    });
    // Nothing but the time tells it, and it is not looked at for a minute otherwise.
    let (code, ()) = tokio::join!(closed(&mut socket), used);
    assert_eq!(code, Some(CloseCode::Policy));
    let (status, list) = switchboard.client().get("/api/v1/me/sessions").await;
    assert_eq!((status, &list["items"]), (200, &serde_json::json!([])), "a program stays signed in");
}

#[tokio::test]
async fn charts_read_their_history_with_the_cookie() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let answer = browser.open("/web/data/history?subject=all&range=1h").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let series: domain::Series = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(series.step, 60);
    for (query, status) in [
        ("subject=all&range=ever", 422),
        ("subject=nothing&range=1h", 404),
        ("subject=0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00&range=1h", 404),
    ] {
        assert_eq!(browser.open(&format!("/web/data/history?{query}")).await.status, status, "{query}");
    }
}
