//! Request and response heads as they travel in a REQUEST or RESPONSE frame, and header blocks of TRAILERS.
//!
//! A head is a row of length-prefixed strings (lengths as in RFC 9000 §16): no compression, no table shared between
//! streams, nothing that an order of arrival could break. Values stay slices of the received block.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
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
    pub fn decode(block: Bytes) -> Result<Self, HeadError> {
        check_length(&block)?;
        let mut reader = Reader { block: &block, at: 0 };
        let method = reader.string(MAX_METHOD)?;
        let method = Method::from_bytes(&block[method]).map_err(|_| HeadError::Method)?;
        let target = reader.string(MAX_HEAD)?;
        let target = decode_target(block.slice(target))?;
        let upgrade = reader.string(MAX_UPGRADE)?;
        let upgrade = match upgrade.is_empty() {
            true => None,
            false => Some(HeaderValue::from_maybe_shared(block.slice(upgrade)).map_err(|_| HeadError::Upgrade)?),
        };
        Ok(Self { method, target, headers: reader.headers()?, upgrade })
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
    pub fn decode(block: Bytes) -> Result<Self, HeadError> {
        check_length(&block)?;
        let [high, low, ..] = block[..] else { return Err(HeadError::Malformed) };
        let status = StatusCode::from_u16(u16::from_be_bytes([high, low])).map_err(|_| HeadError::Status)?;
        Ok(Self { status, headers: Reader { block: &block, at: 2 }.headers()? })
    }
}

/// Appends the header block of trailers (RFC 9110 §6.5) to `out`, or leaves `out` as it was.
pub fn encode_trailers(trailers: &HeaderMap, out: &mut BytesMut) -> Result<(), HeadError> {
    put_headers(out, trailers, out.len())
}

/// Decodes the whole header block of trailers.
pub fn decode_trailers(block: Bytes) -> Result<HeaderMap, HeadError> {
    check_length(&block)?;
    Reader { block: &block, at: 0 }.headers()
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

/// Appends a length-prefixed string.
fn put_string(out: &mut BytesMut, string: &[u8]) {
    let (number, length) = varint::write(string.len());
    out.extend_from_slice(&number[..length]);
    out.extend_from_slice(string);
}

/// Writes a length-prefixed string to the front; what is left of the room.
#[inline]
fn fill<'a>(room: &'a mut [u8], string: &[u8]) -> &'a mut [u8] {
    let room = match varint::length(string.len()) {
        // Nearly all of them are short.
        1 => {
            let (front, rest) = room.split_at_mut(1);
            front[0] = string.len() as u8;
            rest
        }
        length => {
            let (front, rest) = room.split_at_mut(length);
            front.copy_from_slice(&varint::write(string.len()).0[..length]);
            rest
        }
    };
    let (front, rest) = room.split_at_mut(string.len());
    front.copy_from_slice(string);
    rest
}

/// How much room a length-prefixed string takes.
fn room_for(string: &[u8]) -> usize {
    varint::length(string.len()) + string.len()
}

/// Appends the fields and checks what was written since `start`; on an error everything since `start` is taken back.
fn put_headers(out: &mut BytesMut, headers: &HeaderMap, start: usize) -> Result<(), HeadError> {
    let (count, length) = varint::write(headers.len());
    let fields = headers.iter().map(|(name, value)| room_for(name.as_str().as_bytes()) + room_for(value.as_bytes()));
    let end = out.len() + length + fields.sum::<usize>();
    let error = match headers.len() {
        more if more > MAX_HEADERS => Some(HeadError::TooManyHeaders),
        _ if end - start > MAX_HEAD => Some(HeadError::TooLong),
        _ => None,
    };
    if let Some(error) = error {
        out.truncate(start);
        return Err(error);
    }
    out.extend_from_slice(&count[..length]);
    // Room for all of them at once: to make it for each string is most of what a short one costs.
    let start = out.len();
    out.resize(end, 0);
    let mut room = &mut out[start..];
    for (name, value) in headers {
        room = fill(fill(room, name.as_str().as_bytes()), value.as_bytes());
    }
    Ok(())
}

/// Reads a block from its front.
struct Reader<'a> {
    block: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Result<usize, HeadError> {
        let (value, length) = varint::read(&self.block[self.at..]).ok_or(HeadError::Malformed)?;
        self.at += length;
        Ok(value)
    }

    /// Where a length-prefixed string of at most `max` bytes is.
    fn string(&mut self, max: usize) -> Result<Range<usize>, HeadError> {
        let length = self.number()?;
        if length > max || length > self.block.len() - self.at {
            return Err(HeadError::Malformed);
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    /// The fields, which are what is left.
    fn headers(mut self) -> Result<HeaderMap, HeadError> {
        let count = self.number()?;
        if count > MAX_HEADERS {
            return Err(HeadError::TooManyHeaders);
        }
        let mut headers = HeaderMap::with_capacity(count + 2);
        for _ in 0..count {
            let name = self.string(MAX_HEAD)?;
            let name = self::name(&self.block[name])?;
            let value = self.string(MAX_HEAD)?;
            let value = HeaderValue::from_maybe_shared(self.block.slice(value)).map_err(|_| HeadError::Value)?;
            headers.try_append(name, value).map_err(|_| HeadError::TooManyHeaders)?;
        }
        if self.at == self.block.len() { Ok(headers) } else { Err(HeadError::TrailingBytes) }
    }
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
    let read = HeaderName::from_bytes(name).map_err(|_| HeadError::Name)?;
    // One spelling for each name: upper case is folded silently.
    if read.as_str().as_bytes() == name { Ok(read) } else { Err(HeadError::Name) }
}
