//! The rules for header fields between the line and the local server.

use http::header::{CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, UPGRADE};
use wire::head::RequestHead;
use wire::received;

/// A place of its own, so that it is not made anew for each field it is compared with.
static AS_RECEIVED: HeaderName = received::AS_RECEIVED;

/// Which of the fields that mean something here a request has.
#[derive(Default)]
struct Found {
    host: bool,
    expect: bool,
    connection: bool,
    te: bool,
    asks: bool,
}

impl Found {
    /// Goes through them once: to look for each by its name costs as much as to look at all of a usual request's.
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            found.host |= *name == HOST;
            found.expect |= *name == EXPECT;
            found.connection |= *name == CONNECTION;
            found.te |= *name == TE;
            found.asks |= *name == AS_RECEIVED;
        }
        found
    }
}

/// Makes the fields of a request ready for the local server. They come without hop-by-hop fields; those this hop needs
/// are put in. Says whether the head of the response is to be told as it is received.
pub(super) fn prepare(head: &mut RequestHead, host: Option<&HeaderValue>, authority: &HeaderValue) -> bool {
    let found = Found::of(&head.headers);
    let tells = found.asks && received::is_asked(head);
    let headers = &mut head.headers;
    if let Some(host) = host {
        headers.insert(HOST, host.clone());
    } else if !found.host {
        headers.insert(HOST, authority.clone());
    }
    // The switchboard has already told the client to continue; the body is sent at once.
    if found.expect {
        headers.remove(EXPECT);
    }
    if found.connection {
        headers.remove(CONNECTION);
    }
    match &head.upgrade {
        Some(protocol) => {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        // RFC 9110 §10.1.4: who sends TE names it in Connection.
        None if found.te => {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        None => {}
    }
    tells
}
