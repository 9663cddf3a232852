//! The web server of the demo: a shop of four things.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, body::Bytes};
use rand::Rng;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// What it sells, with prices in cents.
pub(super) const THINGS: [(&str, u32); 4] = [("receiver", 4900), ("dial", 1250), ("bell", 890), ("cord", 340)];

/// How long a search takes, in milliseconds.
const SEARCH: std::ops::Range<u64> = 80..600;

const FRONT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Parts for telephones</title>\
    <h1>Parts for telephones</h1><p>This page is served by a web server that nobody can reach, but through the switchboard.\
    <ul><li><a href=/things>What there is</a> (JSON)<li><a href=/search>A search</a>, which takes its time\
    <li><a href=/broken>Something that does not work</a><li><a href=/nowhere>Something that is not there</a></ul>";

/// Opens it, on a port of its own; it is closed when what is returned is dropped.
pub(super) async fn open() -> io::Result<(SocketAddr, AbortOnDropHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let shop = Router::new()
        .route("/", get(async || Html(FRONT)))
        .route("/things", get(async || Json(THINGS.map(|(name, cents)| thing(name, cents)))))
        .route("/things/{name}", get(one))
        .route("/orders", post(order))
        .route("/search", get(search))
        .route("/broken", get(async || (StatusCode::INTERNAL_SERVER_ERROR, "The till does not open.\n")));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, shop).await {
            tracing::error!(%error, "the shop is closed");
        }
    });
    Ok((address, AbortOnDropHandle::new(task)))
}

fn thing(name: &str, cents: u32) -> Value {
    json!({"name": name, "price": {"amount": cents, "currency": "EUR"}})
}

async fn one(Path(name): Path<String>) -> Response {
    match THINGS.iter().find(|(known, _)| *known == name) {
        Some((name, cents)) => Json(thing(name, *cents)).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "no such thing"}))).into_response(),
    }
}

async fn order(body: Bytes) -> Response {
    match serde_json::from_slice::<Value>(&body) {
        Ok(order) => (StatusCode::CREATED, Json(json!({"accepted": order}))).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, Json(json!({"error": "an order is JSON"}))).into_response(),
    }
}

async fn search() -> Json<Value> {
    let takes = rand::rng().random_range(SEARCH);
    tokio::time::sleep(Duration::from_millis(takes)).await;
    Json(json!({"found": THINGS.len(), "took_ms": takes}))
}
