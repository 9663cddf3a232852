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
use crate::support::Switchboard;

async fn open(switchboard: &Switchboard, browser: &Browser, origin: &str) -> Result<WebSocketStream<TcpStream>, u16> {
    let mut request = format!("ws://localhost:{}/ws/user", switchboard.address.port()).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert(header::COOKIE, browser.cookie.as_ref().unwrap().parse().unwrap());
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
    let closed = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    });
    assert_eq!(closed.await.unwrap(), Some(CloseCode::Policy));
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
