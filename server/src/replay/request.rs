//! The request as its client would send it.

use http::header::{self, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use server_core::{CoreError, ReplayOrder, Result};

use crate::ingress::check;

/// The longest path and query, bytes.
const MAX_TARGET: usize = 16 * 1024;
/// How a body is framed, and what only the first connection had to do with.
const OF_CONNECTION: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::TE,
    header::EXPECT,
    header::CONNECTION,
    header::UPGRADE,
];
/// A client's say-so that another region has passed it on.
const HOP: &str = "x-switchboard-hop";

/// Makes it.
pub(super) fn of(order: &ReplayOrder) -> Result<Request<()>> {
    let method = Method::from_bytes(order.method.as_bytes()).map_err(|_| invalid("method", "this is no method"))?;
    let target = target(&order.path)?;
    let mut headers = headers(&order.fields)?;
    OF_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove(HOP);
    let may_have_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    if may_have_body || !order.body.is_empty() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(order.body.len()));
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    check(&request).map_err(|problem| {
        let field = if problem.status() == http::StatusCode::METHOD_NOT_ALLOWED { "method" } else { "headers" };
        invalid(field, &format!("such a request is not passed on: {}", problem.message()))
    })?;
    Ok(request)
}

fn target(path: &str) -> Result<PathAndQuery> {
    if !path.starts_with('/') || path.len() > MAX_TARGET || path.contains('#') {
        return Err(invalid("path", "a path begins with a slash, has no #, and has at most 16 KiB"));
    }
    path.parse().map_err(|error| invalid("path", &format!("this is no path: {error}")))
}

fn headers(fields: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let no_name = |_| invalid("headers", &format!("{name:?} is no name of a header field"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(no_name)?;
        let no_value = |_| invalid("headers", &format!("the value of {name} has characters that it cannot have"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(no_value)?;
        if headers.try_append(name, value).is_err() {
            return Err(invalid("headers", "these are too many header fields"));
        }
    }
    Ok(headers)
}

fn invalid(field: &'static str, message: &str) -> CoreError {
    CoreError::Invalid { field, message: message.to_owned() }
}
