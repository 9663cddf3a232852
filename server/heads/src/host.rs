//! The host a request is for.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, Uri, header};

/// The host of a request as routing compares it: without port or trailing dot, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHost<'a> {
    /// The name, or the address without brackets.
    pub name: Cow<'a, str>,
    /// Whether it is an IP address.
    pub is_address: bool,
}

/// Why a request has no usable host (RFC 9112 section 3.2): it is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No `Host`.
    #[error("the request has no Host")]
    Missing,
    /// More than one.
    #[error("the request has more than one Host")]
    Repeated,
    /// Something that is no host.
    #[error("the request's Host is not a host name")]
    Invalid,
    /// An absolute-form target that names another host: which one was meant is anybody's guess, and guessing
    /// differently from the next server is how requests end up at the wrong tenant.
    #[error("the request's Host and its target name different hosts")]
    Mismatch,
}

impl<'a> RequestHost<'a> {
    /// Takes the host from the `Host` field and checks it against an absolute-form target.
    pub fn of(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Self, HostError> {
        let mut fields = headers.get_all(header::HOST).iter();
        let field = fields.next().ok_or(HostError::Missing)?;
        if fields.next().is_some() {
            return Err(HostError::Repeated);
        }
        let field = field.to_str().map_err(|_| HostError::Invalid)?;
        match uri.authority() {
            Some(authority) if !authority.as_str().eq_ignore_ascii_case(field) => Err(HostError::Mismatch),
            _ => Self::parse(field),
        }
    }

    /// Understands the value of a `Host`.
    pub fn parse(text: &'a str) -> Result<Self, HostError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or(HostError::Invalid)?;
            let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            return match address.parse::<Ipv6Addr>() {
                Ok(_) if port_ok => Ok(Self { name: Cow::Owned(address.to_ascii_lowercase()), is_address: true }),
                _ => Err(HostError::Invalid),
            };
        }
        // Once over all of it: this is done for each request.
        let (mut end, mut shaped, mut upper, mut numeric) = (text.len(), true, false, true);
        // An empty label would leave another name once its dot is taken away, and no name has one (RFC 1034 section 3.1).
        let mut before = b'.';
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                b'a'..=b'z' | b'-' | b'_' => numeric = false,
                b'A'..=b'Z' => (upper, numeric) = (true, false),
                b'0'..=b'9' => {}
                b'.' => shaped &= before != b'.',
                b':' => {
                    end = place;
                    break;
                }
                _ => return Err(HostError::Invalid),
            }
            before = byte;
        }
        let (name, port) = text.split_at(end);
        let name = name.strip_suffix('.').unwrap_or(name);
        if !shaped || name.is_empty() || name.len() > 253 || !port.strip_prefix(':').is_none_or(is_port) {
            return Err(HostError::Invalid);
        }
        let lower = if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) };
        Ok(Self { is_address: numeric && name.parse::<Ipv4Addr>().is_ok(), name: lower })
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn host(target: &str, fields: &[&str]) -> Result<(String, bool), HostError> {
        let uri: Uri = target.parse().unwrap();
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::HOST, field.parse().unwrap());
        }
        RequestHost::of(&uri, &headers).map(|host| (host.name.into_owned(), host.is_address))
    }

    #[test]
    fn spellings_of_one_host_are_one_key() {
        for field in ["a.example", "A.Example", "a.example.", "a.example:8080", "a.example:"] {
            assert_eq!(host("/", &[field]), Ok(("a.example".into(), false)), "{field}");
        }
        assert_eq!(host("/", &["127.0.0.1:80"]), Ok(("127.0.0.1".into(), true)));
        assert_eq!(host("/", &["[::1]:80"]), Ok(("::1".into(), true)));
    }

    #[test]
    fn what_is_ambiguous_or_no_host_is_refused() {
        assert_eq!(host("/", &[]), Err(HostError::Missing));
        assert_eq!(host("/", &["a.example", "a.example"]), Err(HostError::Repeated));
        assert_eq!(host("http://b.example/", &["a.example"]), Err(HostError::Mismatch));
        assert_eq!(host("http://a.example/", &["a.example"]), Ok(("a.example".into(), false)));
        for field in [
            "",
            ".",
            "a.example..",
            "a..example",
            "..",
            "a.example..:80",
            ".a.example",
            "a b",
            "user@a.example",
            "a.example:x",
            "a.example:99999",
            "a/b",
            "[::1",
            "[a.example]",
            "a,b",
            "a:1:2",
        ] {
            assert_eq!(host("/", &[field]), Err(HostError::Invalid), "{field:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_its_own_key(field in "[ -~]{0,40}") {
            if let Ok(value) = http::HeaderValue::from_str(&field) {
                let mut headers = HeaderMap::new();
                headers.insert(header::HOST, value);
                let uri = Uri::from_static("/");
                if let Ok(first) = RequestHost::of(&uri, &headers) && !first.name.contains(':') {
                    proptest::prop_assert_eq!(RequestHost::parse(&first.name), Ok(first.clone()));
                }
            }
        }
    }
}
