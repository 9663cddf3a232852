//! Answers that send the client elsewhere.

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::problem::{Problem, X_REQUEST_ID, id_value};
use crate::ingress::{Client, RequestHost, ResponseBody};

/// Sends a client that came without TLS to the same address with it. The method and the body stay (RFC 9110 section
/// 15.4.9).
pub(super) fn to_https(headers: &HeaderMap, asked: &PathAndQuery, client: &Client) -> Response<ResponseBody> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let location = host
        .and_then(|host| RequestHost::parse(host).ok())
        .and_then(|host| HeaderValue::try_from(format!("https://{}{asked}", host.name)).ok());
    to(location, StatusCode::PERMANENT_REDIRECT.as_u16(), client)
}

/// Sends a client to `location`; without one there is an error of ours.
pub(super) fn to(location: Option<HeaderValue>, status: u16, client: &Client) -> Response<ResponseBody> {
    let (Some(location), Ok(status)) = (location, StatusCode::from_u16(status)) else {
        return Problem::of_ours(StatusCode::INTERNAL_SERVER_ERROR).response(&HeaderMap::new(), client.request_id);
    };
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(X_REQUEST_ID, id_value(client.request_id));
    response
}
