//! Security headers (the dashboard's only: tunnelled applications send their own).

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use leptos::nonce::Nonce;

use crate::{api::respond::set_request_id, ingress::Client};

/// What may happen in a page, besides scripts and styles.
const CSP_REST: &str = "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
                        frame-ancestors 'none'; object-src 'none'";

/// The request's nonce for inline scripts, for the page to be rendered with. In the extensions of every request behind
/// [`secure`].
#[derive(Clone)]
pub(crate) struct Secured {
    pub(crate) nonce: Nonce,
}

/// Makes the request's nonce and sets the headers that go with it.
pub(crate) async fn secure(mut request: Request, next: Next) -> Response {
    let nonce = Nonce::new();
    let client = request.extensions().get::<Client>().copied();
    request.extensions_mut().insert(Secured { nonce: nonce.clone() });
    let mut response = next.run(request).await;
    if let Some(client) = client {
        set_request_id(&mut response, client.request_id);
    }
    set_headers(response.headers_mut(), &nonce, client.is_some_and(|client| client.secure));
    response
}

fn set_headers(headers: &mut HeaderMap, nonce: &Nonce, https: bool) {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         {CSP_REST}"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    );
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        // Over plain http browsers ignore it, and say so in the console.
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
