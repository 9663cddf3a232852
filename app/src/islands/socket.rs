//! The page's one WebSocket. It reconnects for ever, rests while the page is hidden, and never queues.

use super::{
    browser,
    live_feed::{Feed, Link},
};
use crate::live;
use domain::LiveUpdate;
use futures_util::StreamExt;
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use leptos::prelude::*;
use std::{cell::Cell, rc::Rc};

/// Milliseconds before the first attempt to reconnect; doubled with each.
const FIRST_DELAY: f64 = 500.0;
/// Milliseconds between attempts at most.
const LAST_DELAY: f64 = 30_000.0;
/// Milliseconds without a message after which the connection counts as dead: the server sends one each second.
const SILENCE: u32 = 15_000;
/// Seconds that a hidden page keeps its connection.
const HIDDEN: i64 = 60;

/// The code with which the server closes a connection whose visitor was signed out, or has other rights now: "policy
/// violation" (RFC 6455 section 7.4.1).
const NOT_ALLOWED: u16 = 1008;
/// How long a page waits for the cookie that another one may have been given, milliseconds.
const RENEWAL: u32 = 1_000;

/// Why a connection ended.
enum End {
    /// The visitor was signed out, or has other rights now.
    Out,
    /// The server will send nothing more.
    Gone,
    /// The page was hidden for long.
    Hidden,
    /// The network, or the server.
    Lost,
}

/// Keeps `feed` up to date from the WebSocket at `path` for as long as the page lives.
pub async fn follow(path: String, feed: Feed) {
    let mut delay = FIRST_DELAY;
    let leaving = leaving();
    loop {
        match listen(&path, feed, &mut delay).await {
            End::Out => {
                feed.link.set(Link::Out);
                // What the page shows is not the visitor's to see any more: the server decides what comes in its place.
                // Unless it is being left, as by whoever signs out: that must not be interrupted. In another page of this
                // browser the session may just be getting another id, with which this one goes on.
                browser::event_within(&window(), "pagehide", RENEWAL).await;
                if !leaving.get() {
                    // Fails only where a page may not navigate itself; then the words above stay.
                    let _ = window().location().reload();
                }
                return;
            }
            End::Gone => return feed.link.set(Link::Ended),
            End::Hidden => {
                browser::event(&document(), "visibilitychange").await;
                delay = FIRST_DELAY;
            }
            End::Lost => {
                feed.link.set(Link::Lost);
                // Between half the delay and all of it, so that pages do not come back all at once.
                let wait = delay * (0.5 + js_sys::Math::random() / 2.0);
                browser::event_within(&window(), "online", wait as u32).await;
                delay = (delay * 2.0).min(LAST_DELAY);
            }
        }
    }
}

/// Whether the browser is on its way to another page.
fn leaving() -> Rc<Cell<bool>> {
    let leaving = Rc::new(Cell::new(false));
    let told = leaving.clone();
    leptos::task::spawn_local(async move {
        browser::event(&window(), "beforeunload").await;
        told.set(true);
    });
    leaving
}

async fn listen(path: &str, feed: Feed, delay: &mut f64) -> End {
    let Ok(mut socket) = WebSocket::open(&address(path)) else { return End::Lost };
    let mut hidden_since = None;
    loop {
        let text = match browser::within(SILENCE, socket.next()).await {
            Some(Some(Ok(Message::Text(text)))) => text,
            Some(Some(Err(WebSocketError::ConnectionClose(close)))) if close.code == NOT_ALLOWED => return End::Out,
            _ => return End::Lost,
        };
        // A message this program does not know comes from a newer server: its page has to be loaded again.
        let Some(update) = live::read(&text) else { return End::Lost };
        let gone = update == LiveUpdate::Gone;
        match update {
            LiveUpdate::Requests(news) => feed.take(news),
            update => feed.state.update(|state| state.apply(update)),
        }
        if gone {
            return End::Gone;
        }
        *delay = FIRST_DELAY;
        if feed.link.get_untracked() != Link::Live {
            feed.link.set(Link::Live);
        }
        hidden_since = document().hidden().then(|| hidden_since.unwrap_or_else(browser::now));
        if hidden_since.is_some_and(|since| browser::now() - since >= HIDDEN) {
            return End::Hidden;
        }
    }
}

/// The full address: gloo-net knows no relative ones.
fn address(path: &str) -> String {
    let location = window().location();
    let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
    let host = location.host().unwrap_or_default();
    format!("{}://{host}{path}", if secure { "wss" } else { "ws" })
}
