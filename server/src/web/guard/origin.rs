//! Refuses requests that another site made a browser send.
//!
//! Tunnelled applications live on sibling subdomains of the dashboard: they are the same *site*, so `SameSite` cookies
//! go along with what they send. What a browser says about the origin of a request decides instead:
//!
//! 1. Checked is whatever can change something (every method but GET, HEAD and OPTIONS) and every upgrade that carries
//!    the session cookie.
//! 2. `Origin` must be the dashboard's own: that of the request itself or of the public URL. `null` is nobody's.
//! 3. Without `Origin`, `Sec-Fetch-Site` must be `same-origin` or `none` (typed in by a person).
//! 4. Without both it is no browser of the last years. That is refused when it carries the session cookie, and else
//!    passes: a request without a cookie does nothing in anybody's name.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::{Origin, Url};

use crate::{ingress::Client, web::session::has_session_cookie};

const REFUSAL: &str = "This request did not come from the dashboard, so it was refused and nothing was changed. Open \
                       the dashboard itself and do it there; if you did, the server's public URL setting may differ \
                       from the address you use. (A program sends the header Origin with the dashboard's address.)\n";

/// Whose requests are let through.
#[derive(Clone)]
pub(crate) struct OriginRule {
    public: Origin,
    secure_cookies: bool,
}

impl OriginRule {
    pub(crate) fn new(public_url: &Url, secure_cookies: bool) -> Self {
        Self { public: public_url.origin(), secure_cookies }
    }

    fn allows(&self, request: &Request) -> bool {
        let headers = request.headers();
        let with_cookie = has_session_cookie(headers, self.secure_cookies);
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let is_upgrade = headers.contains_key(header::UPGRADE) || *request.method() == Method::CONNECT;
        if is_safe && !(is_upgrade && with_cookie) {
            return true;
        }
        if headers.contains_key(header::ORIGIN) {
            let https = request.extensions().get::<Client>().is_some_and(|client| client.secure);
            return self.is_ours(headers, request.uri(), https);
        }
        match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
            Some(site) => site == b"same-origin" || site == b"none",
            None => !with_cookie,
        }
    }

    fn is_ours(&self, headers: &HeaderMap, uri: &Uri, https: bool) -> bool {
        let mut lines = headers.get_all(header::ORIGIN).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return false };
        let claimed = line.to_str().ok().and_then(|text| Url::parse(text).ok()).map(|url| url.origin());
        let Some(claimed @ Origin::Tuple(..)) = claimed else { return false };
        claimed == self.public || Some(claimed) == own_origin(headers, uri, https)
    }
}

/// The origin that the request itself is addressed to.
fn own_origin(headers: &HeaderMap, uri: &Uri, https: bool) -> Option<Origin> {
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    let scheme = if https { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{host}")).ok().map(|url| url.origin())
}

/// Answers 403 to what [`OriginRule`] does not let through.
pub(crate) async fn check_origin(State(rule): State<OriginRule>, request: Request, next: Next) -> Response {
    if rule.allows(&request) {
        return next.run(request).await;
    }
    tracing::warn!(
        method = %request.method(),
        path = request.uri().path(),
        origin = ?request.headers().get(header::ORIGIN),
        "refused a request that another site may have made a browser send"
    );
    (StatusCode::FORBIDDEN, REFUSAL).into_response()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use axum::body::Body;

    const COOKIE: (&str, &str) = ("cookie", "a=b; switchboard=abc");

    fn allowed(method: &str, headers: &[(&str, &str)]) -> bool {
        let rule = OriginRule::new(&Url::parse("https://board.example.com").unwrap(), false);
        let mut request = Request::builder().method(method).uri("/web/action/x").header("host", "localhost:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        rule.allows(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn reading_needs_no_origin() {
        assert!(allowed("GET", &[COOKIE, ("origin", "https://evil.example")]));
        assert!(allowed("HEAD", &[COOKIE]));
    }

    #[test]
    fn changes_come_from_the_dashboard_only() {
        for (origin, expected) in [
            ("http://localhost:8080", true),
            ("https://board.example.com", true),
            ("https://board.example.com:443", true),
            ("http://board.example.com", false),
            ("https://localhost:8080", false),
            ("http://localhost", false),
            ("http://app.localhost:8080", false),
            ("http://localhost:8080.evil.example", false),
            ("https://evil.example", false),
            ("null", false),
            ("", false),
            ("localhost:8080", false),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                assert_eq!(allowed(method, &[COOKIE, ("origin", origin)]), expected, "{method} {origin}");
                assert_eq!(allowed(method, &[("origin", origin)]), expected, "{method} {origin} without cookie");
            }
        }
        assert!(!allowed("POST", &[("origin", "http://localhost:8080"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn without_an_origin_the_browser_must_say_same_origin() {
        assert!(allowed("POST", &[COOKIE, ("sec-fetch-site", "same-origin")]));
        assert!(allowed("POST", &[COOKIE, ("sec-fetch-site", "none")]));
        assert!(!allowed("POST", &[COOKIE, ("sec-fetch-site", "same-site")]));
        assert!(!allowed("POST", &[("sec-fetch-site", "cross-site")]));
        assert!(!allowed("POST", &[COOKIE]));
        assert!(allowed("POST", &[]));
    }

    #[test]
    fn an_upgrade_with_a_cookie_is_a_change() {
        let upgrade = ("upgrade", "websocket");
        assert!(!allowed("GET", &[COOKIE, upgrade]));
        assert!(!allowed("GET", &[COOKIE, upgrade, ("origin", "http://app.localhost:8080")]));
        assert!(allowed("GET", &[COOKIE, upgrade, ("origin", "http://localhost:8080")]));
        assert!(allowed("GET", &[upgrade, ("authorization", "Bearer x")]));
    }
}
