//! The other ends for tests: a small hub in the switchboard's place, and local web servers.
#![expect(dead_code, reason = "each test file uses its own part")]

#[cfg(feature = "cli")]
pub mod command;
pub mod hub;
pub mod local;
pub mod tls;

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use telephone::line::{RecvBody, StreamError};
use wire::head::RequestHead;

pub fn request(method: Method, target: &str) -> RequestHead {
    let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("blog.test"))]);
    RequestHead { method, target: target.parse().unwrap(), headers, upgrade: None }
}

pub fn get(target: &str) -> RequestHead {
    request(Method::GET, target)
}

pub fn with(mut head: RequestHead, name: &'static str, value: &'static str) -> RequestHead {
    head.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    head
}

/// The whole body, and its trailers.
pub async fn collect(body: RecvBody) -> Result<(Bytes, HeaderMap), StreamError> {
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok((collected.to_bytes(), trailers))
}

pub async fn text(body: RecvBody) -> String {
    String::from_utf8(collect(body).await.unwrap().0.to_vec()).unwrap()
}

/// `length` bytes that differ along the way.
pub fn pattern(length: usize) -> Bytes {
    (0..length).map(|position| (position % 251) as u8).collect()
}

pub fn fields(headers: &HeaderMap) -> HashMap<&str, &str> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}
