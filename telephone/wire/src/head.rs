//! Request and response heads as they travel in a REQUEST or RESPONSE frame, and header blocks of TRAILERS.
//!
//! A head is a row of length-prefixed strings (lengths as in RFC 9000 §16): no compression, no table shared between
//! streams, nothing that an order of arrival could break. Values stay slices of the received block.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::varint;

/// The longest encoded head or header block, in bytes: 32 KiB of names and values plus what frames them.
pub const MAX_HEAD: usize = 36 * 1024;
/// The largest number of header fields in a head or in trailers.
pub const MAX_HEADERS: usize = 100;
/// The longest method, in bytes.
pub const MAX_METHOD: usize = 32;
/// The longest protocol name asked for by an upgrade, in bytes.
pub const MAX_UPGRADE: usize = 128;

/// The head of a request. Hop-by-hop fields (RFC 9110 §7.6.1) are not part of it; `Host` is an ordinary field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, `CONNECT` included.
    pub method: Method,
    /// Path and query in origin form (RFC 9112 §3.2.1).
    pub target: PathAndQuery,
    /// Header fields; repeated fields keep their order.
    pub headers: HeaderMap,
    /// The protocol of an `Upgrade` (RFC 9110 §7.8) that the client asks for, for instance `websocket`. The answer
    /// 101 then turns the stream into a byte pipe.
    pub upgrade: Option<HeaderValue>,
}

/// The head of a response. One with status 1xx other than 101 is informational and comes before the final one.
/// A 101 carries the chosen protocol in the field `upgrade`, without `connection`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status, 100 to 999.
    pub status: StatusCode,
    /// Header fields; repeated fields keep their order.
    pub headers: HeaderMap,
}

/// Why a head cannot be encoded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Names and values together are too long.
    #[error("the head is longer than {MAX_HEAD} bytes")]
    TooLong,
    /// There are too many header fields.
    #[error("the head has more than {MAX_HEADERS} header fields")]
    TooManyHeaders,
    /// The block ends inside a field or a length is not in its shortest form.
    #[error("the head is cut short or a length in it is malformed")]
    Malformed,
    /// Bytes follow the last field.
    #[error("bytes follow the end of the head")]
    TrailingBytes,
    /// The method is not a token (RFC 9110 §9.1) or too long.
    #[error("the method is not valid")]
    Method,
    /// The target is not a path that starts with `/` (or `*`), or holds characters not allowed in one.
    #[error("the request target is not valid")]
    Target,
    /// The status is not within 100 to 999.
    #[error("the status is not valid")]
    Status,
    /// A field name is not a token in lower case (RFC 9110 §5.1).
    #[error("a header field name is not valid")]
    Name,
    /// A field value holds CR, LF, NUL or another control character (RFC 9110 §5.5).
    #[error("a header field value is not valid")]
    Value,
    /// The protocol of the upgrade is too long or not valid.
    #[error("the upgrade protocol is not valid")]
    Upgrade,
}

impl RequestHead {
    /// Appends the encoded head to `out`, or leaves `out` as it was.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), HeadError> {
        let (method, target) = (self.method.as_str(), self.target.as_str());
        let upgrade = self.upgrade.as_ref().map_or(&[][..], HeaderValue::as_bytes);
        if method.len() > MAX_METHOD {
            return Err(HeadError::Method);
        }
        if upgrade.len() > MAX_UPGRADE || self.upgrade.is_some() && upgrade.is_empty() {
            return Err(HeadError::Upgrade);
        }
        let start = out.len();
        put_string(out, method.as_bytes());
        put_string(out, target.as_bytes());
        put_string(out, upgrade);
        put_headers(out, &self.headers, start)
    }

    /// Decodes a whole block.
    pub fn decode(mut block: Bytes) -> Result<Self, HeadError> {
        check_length(&block)?;
        let method = take_string(&mut block, MAX_METHOD).ok_or(HeadError::Malformed)?;
        let method = Method::from_bytes(&method).map_err(|_| HeadError::Method)?;
        let target = take_string(&mut block, MAX_HEAD).ok_or(HeadError::Malformed)?;
        let target = decode_target(target)?;
        let upgrade = take_string(&mut block, MAX_UPGRADE).ok_or(HeadError::Malformed)?;
        let upgrade = match upgrade.is_empty() {
            true => None,
            false => Some(HeaderValue::from_maybe_shared(upgrade).map_err(|_| HeadError::Upgrade)?),
        };
        Ok(Self { method, target, headers: take_headers(block)?, upgrade })
    }
}

impl ResponseHead {
    /// Whether this head is informational: another one follows it (RFC 9110 §15.2; 101 ends HTTP and so is final).
    pub fn is_informational(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// Whether the head is within the limits of [`encode`](Self::encode), found out without encoding it.
    pub fn check(&self) -> Result<(), HeadError> {
        // Each field has two lengths of at most 4 bytes; the head has its status and the number of fields.
        let length: usize = self.headers.iter().map(|(name, value)| 8 + name.as_str().len() + value.len()).sum();
        match self.headers.len() {
            count if count > MAX_HEADERS => Err(HeadError::TooManyHeaders),
            _ if length + 6 > MAX_HEAD => Err(HeadError::TooLong),
            _ => Ok(()),
        }
    }

    /// Appends the encoded head to `out`, or leaves `out` as it was.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), HeadError> {
        let start = out.len();
        out.put_u16(self.status.as_u16());
        put_headers(out, &self.headers, start)
    }

    /// Decodes a whole block.
    pub fn decode(mut block: Bytes) -> Result<Self, HeadError> {
        check_length(&block)?;
        if block.len() < 2 {
            return Err(HeadError::Malformed);
        }
        let status = block.split_to(2);
        let status = StatusCode::from_u16(u16::from_be_bytes([status[0], status[1]])).map_err(|_| HeadError::Status)?;
        Ok(Self { status, headers: take_headers(block)? })
    }
}

/// Appends the header block of trailers (RFC 9110 §6.5) to `out`, or leaves `out` as it was.
pub fn encode_trailers(trailers: &HeaderMap, out: &mut BytesMut) -> Result<(), HeadError> {
    put_headers(out, trailers, out.len())
}

/// Decodes the whole header block of trailers.
pub fn decode_trailers(block: Bytes) -> Result<HeaderMap, HeadError> {
    check_length(&block)?;
    take_headers(block)
}

fn check_length(block: &Bytes) -> Result<(), HeadError> {
    if block.len() > MAX_HEAD { Err(HeadError::TooLong) } else { Ok(()) }
}

/// `PathAndQuery` takes more than a request target may be: an empty path, a bare query, and a fragment it cuts off.
fn decode_target(target: Bytes) -> Result<PathAndQuery, HeadError> {
    let starts_well = target.starts_with(b"/") || &target[..] == b"*";
    if !starts_well || target.contains(&b'#') {
        return Err(HeadError::Target);
    }
    PathAndQuery::from_maybe_shared(target).map_err(|_| HeadError::Target)
}

fn put_string(out: &mut BytesMut, value: &[u8]) {
    varint::put(out, value.len());
    out.extend_from_slice(value);
}

/// Takes a length-prefixed string of at most `max` bytes.
fn take_string(block: &mut Bytes, max: usize) -> Option<Bytes> {
    let length = varint::take(block)?;
    (length <= block.len() && length <= max).then(|| block.split_to(length))
}

/// Appends the fields and checks what was written since `start`; on an error everything since `start` is taken back.
fn put_headers(out: &mut BytesMut, headers: &HeaderMap, start: usize) -> Result<(), HeadError> {
    let error = 'check: {
        if headers.len() > MAX_HEADERS {
            break 'check HeadError::TooManyHeaders;
        }
        varint::put(out, headers.len());
        for (name, value) in headers {
            if out.len() - start + name.as_str().len() + value.len() > MAX_HEAD {
                break 'check HeadError::TooLong;
            }
            put_string(out, name.as_str().as_bytes());
            put_string(out, value.as_bytes());
        }
        if out.len() - start <= MAX_HEAD {
            return Ok(());
        }
        HeadError::TooLong
    };
    out.truncate(start);
    Err(error)
}

fn take_headers(mut block: Bytes) -> Result<HeaderMap, HeadError> {
    let count = varint::take(&mut block).ok_or(HeadError::Malformed)?;
    if count > MAX_HEADERS {
        return Err(HeadError::TooManyHeaders);
    }
    let mut headers = HeaderMap::with_capacity(count + 2);
    for _ in 0..count {
        let length = varint::take(&mut block).ok_or(HeadError::Malformed)?;
        let name = name(block.get(..length).ok_or(HeadError::Malformed)?)?;
        block.advance(length);
        let value = take_string(&mut block, MAX_HEAD).ok_or(HeadError::Malformed)?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| HeadError::Value)?;
        headers.try_append(name, value).map_err(|_| HeadError::TooManyHeaders)?;
    }
    if block.is_empty() { Ok(headers) } else { Err(HeadError::TrailingBytes) }
}

/// Names that the switchboard adds to each request and the `http` crate would make a copy of each time.
const USUAL: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-request-id"),
];

fn name(name: &[u8]) -> Result<HeaderName, HeadError> {
    if name.starts_with(b"x-")
        && let Some(usual) = USUAL.iter().find(|usual| usual.as_str().as_bytes() == name)
    {
        return Ok(usual.clone());
    }
    // One spelling for each name: `HeaderName` would fold upper case silently.
    if name.iter().any(u8::is_ascii_uppercase) {
        return Err(HeadError::Name);
    }
    HeaderName::from_bytes(name).map_err(|_| HeadError::Name)
}
