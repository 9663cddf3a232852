//! What the beginning of a connection tells about where it belongs.

use memchr::memchr;

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
    use super::peek;

    #[test]
    fn target_and_host_are_seen() {
        assert_eq!(peek(b"GET /a?b HTTP/1.1\r\nA: b\r\nhOST:  x.example \r\n"), Some(("/a?b", "x.example")));
        assert_eq!(peek(b"GET /a?b HTTP/1.1\r\nHost: x.exa"), None);
        assert_eq!(peek(b"\r\nGET / HTTP/1.1\r\n"), None);
        assert_eq!(peek(b""), None);
    }
}
