//! The dashboard's cookies, kept from applications that are mounted on its host.

use http::header::{self, HeaderMap, HeaderValue};
use server_heads::take_cookies_out;

use super::{oidc, session};

/// W3C Clear Site Data, section 3.1.
const CLEAR_SITE_DATA: &str = "clear-site-data";

fn is_own(name: &[u8]) -> bool {
    [session::COOKIES, oidc::COOKIES].iter().flatten().any(|cookie| cookie.as_bytes() == name)
}

/// Takes them out of a request that an application answers.
pub(crate) fn take_out(headers: &mut HeaderMap) {
    take_cookies_out(headers, is_own);
}

/// Takes out of an application's answer what would set or remove one of them.
pub(crate) fn keep(headers: &mut HeaderMap) {
    headers.remove(CLEAR_SITE_DATA);
    let sets_own = |value: &HeaderValue| {
        // One without a name is sent as its value alone, which may look like a name and a value.
        let pair = value.as_bytes().trim_ascii_start();
        let pair = pair.strip_prefix(b"=").unwrap_or(pair);
        is_own(pair.split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default().trim_ascii())
    };
    if !headers.get_all(header::SET_COOKIE).iter().any(sets_own) {
        return;
    }
    let values: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for value in values.into_iter().filter(|value| !sets_own(value)) {
        headers.append(header::SET_COOKIE, value);
    }
}
