//! Answers made of files.

use std::path::{Path, PathBuf};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{
    EmbeddedAsset,
    encoding::{self, Encoding},
};

/// For names that change with the content.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// For names that stay.
pub(super) const FOR_A_DAY: &str = "public, max-age=86400";

/// An embedded file in the encoding the client likes best, or 304 when the client has it.
pub(super) fn embedded(asset: &EmbeddedAsset, request: &HeaderMap, caching: &'static str) -> Response {
    let encoding = encoding::choose(request, asset.brotli.is_some(), asset.gzip.is_some());
    let content = match encoding {
        Encoding::Brotli => asset.brotli,
        Encoding::Gzip => asset.gzip,
        Encoding::Identity => None,
    };
    let tag = entity_tag(asset.served, encoding);
    let mut response = if is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Body::from(Bytes::from_static(content.unwrap_or(asset.identity))).into_response();
        set(&mut response, header::CONTENT_TYPE, content_type(asset.served));
        if let Some(token) = encoding.token() {
            set(&mut response, header::CONTENT_ENCODING, token);
        }
        response
    };
    set(&mut response, header::CACHE_CONTROL, caching);
    set(&mut response, header::VARY, "accept-encoding");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A file of cargo-leptos, which may change at any moment.
pub(super) async fn file(path: Option<PathBuf>) -> Response {
    let Some(path) = path else { return not_found() };
    let Ok(content) = tokio::fs::read(&path).await else { return not_found() };
    let mut response = Body::from(content).into_response();
    set(&mut response, header::CONTENT_TYPE, content_type(&path.to_string_lossy()));
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// Not to be kept: a later version of the server may have the file.
pub(super) fn not_found() -> Response {
    let mut response = (StatusCode::NOT_FOUND, "Not Found").into_response();
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// A strong tag (RFC 9110, section 8.8.3): the name stands for the content, and each encoding of it differs.
fn entity_tag(served: &str, encoding: Encoding) -> String {
    match encoding.token() {
        Some(token) => format!("\"{served}-{token}\""),
        None => format!("\"{served}\""),
    }
}

/// Whether `If-None-Match` names the tag (RFC 9110, section 13.1.2: weak comparison).
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let lines = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn content_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
