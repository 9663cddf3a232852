//! Header fields: from bytes to a map, which ones there are, and what is in lists.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Which of the fields that concern a message and its connection a head has. Most heads have few of them: to go once
/// through the names costs less than to ask the map for each, which hashes it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present {
    pub(crate) connection: bool,
    pub(crate) content_length: bool,
    pub(crate) date: bool,
    pub(crate) expect: bool,
    pub(crate) te: bool,
    pub(crate) transfer_encoding: bool,
    pub(crate) upgrade: bool,
}

impl Present {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut present = Self::default();
        headers.keys().for_each(|name| present.note(name));
        present
    }

    /// There is a field with this name.
    pub(crate) fn note(&mut self, name: &HeaderName) {
        match name.as_str() {
            "connection" => self.connection = true,
            "content-length" => self.content_length = true,
            "date" => self.date = true,
            "expect" => self.expect = true,
            "te" => self.te = true,
            "transfer-encoding" => self.transfer_encoding = true,
            "upgrade" => self.upgrade = true,
            _ => {}
        }
    }
}

/// Makes a map of parsed fields, whose values stay slices of `head`.
pub(crate) fn map(head: &Bytes, fields: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    // A proxy adds some of its own: with room for them, the map need not grow.
    let mut headers = HeaderMap::with_capacity(fields.len() + 8);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value)).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

/// The members of a field that is a comma-separated list (RFC 9110 section 5.6.1).
pub(crate) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Whether a list names `token`.
pub(crate) fn names(headers: &HeaderMap, name: HeaderName, token: &[u8]) -> bool {
    tokens(headers, name).any(|named| named.eq_ignore_ascii_case(token))
}
