//! The session's cookie.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use server_core::Services;
use server_heads::{has_cookie, only_plain};
use time::Duration;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

use super::store::Store;

/// A browser takes the `__Host-` prefix only from this host over https, so that a tunnelled application on a sibling
/// subdomain cannot plant a session.
const SECURE_NAME: &str = "__Host-switchboard";
const PLAIN_NAME: &str = "switchboard";
/// The session's cookie, with and without https.
pub(crate) const COOKIES: [&str; 2] = [SECURE_NAME, PLAIN_NAME];
/// A session that is not used for this long ends.
const IDLE: Duration = Duration::days(7);

/// What the cookie is called.
fn cookie_name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

/// Puts a [`Session`](tower_sessions::Session) into every request's extensions. It is read from the database when
/// somebody asks for it, and there is no cookie and no row until something is put into it.
pub(crate) fn layer(services: Services, secure: bool) -> SessionManagerLayer<Store> {
    // The database ends a session that has lasted too long; the browser need not keep its cookie for longer either.
    let lifetime = Duration::try_from(services.settings().session_lifetime).unwrap_or(IDLE);
    SessionManagerLayer::new(Store::new(services))
        .with_name(cookie_name(secure))
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE.min(lifetime)))
}

/// Whether the request carries a session cookie.
pub(crate) fn has_session_cookie(headers: &HeaderMap, secure: bool) -> bool {
    has_cookie(headers, cookie_name(secure))
}

/// Lets the layer above see one session's cookie at most, and only under its own name, which that layer would decode.
pub(crate) async fn read_strictly(State(secure): State<bool>, mut request: Request, next: Next) -> Response {
    only_plain(request.headers_mut(), cookie_name(secure));
    next.run(request).await
}

/// Where one signs out.
const SIGN_OUT: &str = "/web/action/sign_out";

/// `tower-sessions` removes a cookie without its `Secure`, which browsers ignore for a `__Host-` cookie. It also removes one
/// whose session it does not find; but that may be the answer to a page that did not know yet that the session has got
/// another id, and would remove the new one.
pub(crate) async fn secure_removal(request: Request, next: Next) -> Response {
    let signs_out = request.uri().path() == SIGN_OUT;
    let mut response = next.run(request).await;
    let prefix = format!("{SECURE_NAME}=");
    let values: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let headers = response.headers_mut();
    headers.remove(header::SET_COOKIE);
    let removes = |value: &HeaderValue| {
        let text = value.as_bytes();
        COOKIES.iter().any(|name| text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=;")))
    };
    for value in values.into_iter().filter(|value| signs_out || !removes(value)) {
        let needs_secure = value
            .to_str()
            .ok()
            .filter(|text| text.starts_with(&prefix) && !text.contains("; Secure"))
            .and_then(|text| HeaderValue::try_from(format!("{text}; Secure; HttpOnly; SameSite=Lax")).ok());
        headers.append(header::SET_COOKIE, needs_secure.unwrap_or(value));
    }
    response
}
