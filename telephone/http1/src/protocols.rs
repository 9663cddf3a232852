//! What `Upgrade` names.

use http::header::{self, HeaderMap, HeaderValue};

use crate::fields::tokens;

/// Whether an answer 101 switches to protocols that were asked for, and to no others (RFC 9110 section 7.8). `asked` is the
/// `Upgrade` of the request, `answer` are the fields of the response.
pub fn switches_as_asked(asked: &HeaderValue, answer: &HeaderMap) -> bool {
    let mut chosen = tokens(answer, header::UPGRADE).peekable();
    let was_asked_for = |protocol: &[u8]| {
        asked.as_bytes().split(|byte| *byte == b',').any(|wanted| is_same(wanted.trim_ascii(), protocol))
    };
    chosen.peek().is_some() && chosen.all(was_asked_for)
}

/// Compares two names of protocols. The version behind the slash may be left out by either.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((name, version), (other_name, other_version)) = (parts(one), parts(other));
    let same_version = match (version, other_version) {
        (Some(version), Some(other_version)) => version.eq_ignore_ascii_case(other_version),
        _ => true,
    };
    same_version && name.eq_ignore_ascii_case(other_name)
}

fn parts(protocol: &[u8]) -> (&[u8], Option<&[u8]>) {
    match protocol.iter().position(|byte| *byte == b'/') {
        Some(at) => (&protocol[..at], Some(&protocol[at + 1..])),
        None => (protocol, None),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_switch_is_to_what_was_asked_for() {
        for (asked, chosen, is_so) in [
            ("websocket", &["websocket"][..], true),
            ("websocket", &["WebSocket"], true),
            ("chat/2, websocket", &["websocket"], true),
            ("foo,bar", &[" bar , foo"], true),
            ("foo, bar", &["bar", "foo"], true),
            ("foo/1", &["foo/1"], true),
            ("foo/1", &["FOO"], true),
            ("foo", &["foo/1"], true),
            ("foo/1", &["foo/2"], false),
            ("websocket", &["evil"], false),
            ("websocket", &["web"], false),
            ("websocket", &["websocket, evil"], false),
            ("websocket", &["websocket", "evil"], false),
            // It says to what.
            ("websocket", &[], false),
            ("websocket", &["", " , "], false),
            ("foo,, bar", &[","], false),
        ] {
            let mut answer = HeaderMap::new();
            for value in chosen {
                answer.append(header::UPGRADE, value.parse().unwrap());
            }
            assert_eq!(switches_as_asked(&asked.parse().unwrap(), &answer), is_so, "{asked}: {chosen:?}");
        }
    }
}
