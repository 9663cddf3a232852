//! What the beginning of a connection tells about where it belongs.

use memchr::memchr;

use super::http2::PREFACE;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// HTTP/1.1, or nothing that is known.
    Http1,
    /// HTTP/2: its preface is there whole.
    Http2,
    /// More has to be seen of it.
    Unknown,
}

/// What a connection that begins with `received` speaks.
pub(super) fn speech(received: &[u8]) -> Speech {
    if received.starts_with(PREFACE) {
        Speech::Http2
    } else if PREFACE.starts_with(received) {
        Speech::Unknown
    } else {
        Speech::Http1
    }
}

/// The target and the host of the first request, as far as they can be seen in `received`. Nothing is decided by them
/// that would be wrong if they were: the request is read properly afterwards.
pub(super) fn peek(received: &[u8]) -> Option<(&str, &str)> {
    let mut lines = Lines(received);
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let target = std::str::from_utf8(words.nth(1)?).ok()?;
    let host = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then_some(value)
    })?;
    Some((target, std::str::from_utf8(host).ok()?.trim()))
}

/// Whole lines.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (line, rest) = self.0.split_at(memchr(b'\n', self.0)? + 1);
        self.0 = rest;
        Some(line.trim_ascii_end())
    }
}

#[cfg(test)]
mod tests {
    use super::{Speech, peek, speech};

    #[test]
    fn target_and_host_are_seen() {
        assert_eq!(peek(b"GET /a?b HTTP/1.1\r\nA: b\r\nhOST:  x.example \r\n"), Some(("/a?b", "x.example")));
        assert_eq!(peek(b"GET /a?b HTTP/1.1\r\nHost: x.exa"), None);
        assert_eq!(peek(b"\r\nGET / HTTP/1.1\r\n"), None);
        assert_eq!(peek(b""), None);
    }

    #[test]
    fn http2_is_known_by_its_whole_preface() {
        assert_eq!(speech(b""), Speech::Unknown);
        assert_eq!(speech(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), Speech::Unknown);
        assert_eq!(speech(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"), Speech::Http2);
        assert_eq!(speech(b"PRI * HTTP/2.0\r\n\r\nXM"), Speech::Http1);
        assert_eq!(speech(b"POST / HTTP/1.1"), Speech::Http1);
        assert_eq!(speech(b"GET"), Speech::Http1);
    }
}
