use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Uri};

/// A request head as HTTP/2 has it: where it goes is no field of it, and what concerns connections cannot be said (RFC
/// 9113 section 8.2.2). `authority` is where it goes if it has no `Host`.
///
/// # Errors
/// `Host` is not one that HTTP/2 can say.
pub fn request(
    method: &Method,
    target: &PathAndQuery,
    headers: &HeaderMap,
    secure: bool,
    authority: &HeaderValue,
) -> Result<Request<()>, http::Error> {
    let host = headers.get(header::HOST).unwrap_or(authority);
    let mut parts = Parts::default();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(Authority::try_from(host.as_bytes())?);
    parts.path_and_query = Some(target.clone());
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = Uri::from_parts(parts)?;
    let mut headers = headers.clone();
    for name in [header::HOST, header::EXPECT, header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
    *request.headers_mut() = headers;
    Ok(request)
}
