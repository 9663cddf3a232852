//! The rules for header fields between the line and the local server.

use http::header::{CONNECTION, EXPECT, HOST, HeaderValue, TE, UPGRADE};
use wire::head::RequestHead;

/// Makes the fields of a request ready for the local server. They come without hop-by-hop fields; those this hop needs
/// are put in.
pub(super) fn prepare(head: &mut RequestHead, host: Option<&HeaderValue>, authority: &HeaderValue) {
    let headers = &mut head.headers;
    if let Some(host) = host {
        headers.insert(HOST, host.clone());
    } else if !headers.contains_key(HOST) {
        headers.insert(HOST, authority.clone());
    }
    // The switchboard has already told the client to continue; the body is sent at once.
    headers.remove(EXPECT);
    headers.remove(CONNECTION);
    match &head.upgrade {
        Some(protocol) => {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        // RFC 9110 §10.1.4: who sends TE names it in Connection.
        None if headers.contains_key(TE) => {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        None => {}
    }
}
