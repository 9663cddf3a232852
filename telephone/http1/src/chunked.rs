//! The chunked transfer coding (RFC 9112 section 7.1).

use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};
use http::header::{self, HeaderMap};

use crate::fields::map;
use crate::{BodyError, Decoded, HeadScan, MAX_FIELDS};

/// The longest line with the size of a chunk, extensions included. Extensions are dropped.
const MAX_SIZE_LINE: usize = 4 * 1024;
/// How many bytes of extensions one body may have.
const MAX_EXTENSIONS: usize = 16 * 1024;
/// The longest trailer section.
const MAX_TRAILERS: usize = 16 * 1024;

/// Takes chunks apart.
#[derive(Debug)]
pub(crate) struct Chunked {
    next: Next,
    extensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Size,
    Data(u64),
    /// The line break behind the data.
    Break,
    Trailers(HeadScan),
}

impl Default for Chunked {
    fn default() -> Self {
        Self { next: Next::Size, extensions: 0 }
    }
}

impl Chunked {
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BodyError> {
        loop {
            let done = match self.next {
                Next::Size => self.size(buffer)?,
                Next::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Decoded::More);
                    }
                    let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                    let left = left - length as u64;
                    self.next = if left == 0 { Next::Break } else { Next::Data(left) };
                    return Ok(Decoded::Data(buffer.split_to(length).freeze()));
                }
                Next::Break => match buffer.get(..2) {
                    None => false,
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        self.next = Next::Size;
                        true
                    }
                    Some(_) => return Err(BodyError::Chunk("a chunk is longer than it said")),
                },
                Next::Trailers(mut scan) => {
                    let found = scan.find(buffer, true).map_err(|_| BodyError::Chunk("a bare line feed"))?;
                    if found.unwrap_or(buffer.len()) > MAX_TRAILERS {
                        return Err(BodyError::Chunk("the trailers are too long"));
                    }
                    self.next = Next::Trailers(scan);
                    return found.map_or(Ok(Decoded::More), |length| trailers(&buffer.split_to(length).freeze()));
                }
            };
            if !done {
                return Ok(Decoded::More);
            }
        }
    }

    /// Takes the line with the size of the next chunk; whether it was there.
    fn size(&mut self, buffer: &mut BytesMut) -> Result<bool, BodyError> {
        let looked = &buffer[..buffer.len().min(MAX_SIZE_LINE)];
        let Some(end) = memchr::memchr(b'\n', looked) else {
            return if looked.len() < MAX_SIZE_LINE { Ok(false) } else { Err(BodyError::Chunk("a size is too long")) };
        };
        let line = looked[..end].strip_suffix(b"\r").ok_or(BodyError::Chunk("a bare line feed"))?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        let size = hexadecimal(digits).ok_or(BodyError::Chunk("a size is no number"))?;
        self.extensions += extension.len();
        let proper = matches!(extension.trim_ascii_start(), [] | [b';', ..]) && !extension.contains(&b'\r');
        // Blanks behind the size alone are nobody's grammar, but nothing follows from them.
        if !proper || self.extensions > MAX_EXTENSIONS {
            return Err(BodyError::Chunk("an extension"));
        }
        buffer.advance(end + 1);
        self.next = if size == 0 { Next::Trailers(HeadScan::default()) } else { Next::Data(size) };
        Ok(true)
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok().filter(|text| (1..=16).contains(&text.len()))?;
    u64::from_str_radix(text, 16).ok()
}

/// Fields that mean something to the framing, the routing or the authority of a message are never taken from its
/// trailers (RFC 9110 section 6.5.1).
fn trailers(section: &bytes::Bytes) -> Result<Decoded, BodyError> {
    if section.len() == 2 {
        return Ok(Decoded::End);
    }
    let mut places = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    // The section has no start line of its own: it is read as the rest of a head.
    let head = bytes::Bytes::from([b"HTTP/1.1 200 OK\r\n", &section[..]].concat());
    let mut parsed = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    match parser.parse_response_with_uninit_headers(&mut parsed, &head, &mut places) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(BodyError::Chunk("the trailers")),
    }
    let mut trailers = map(&head, parsed.headers).ok_or(BodyError::Chunk("the trailers"))?;
    remove_forbidden(&mut trailers);
    Ok(if trailers.is_empty() { Decoded::End } else { Decoded::Trailers(trailers) })
}

/// Removes what trailers must not hold, because it would mean something else there than in the head (RFC 9110 section
/// 6.5.1).
pub fn remove_forbidden(trailers: &mut HeaderMap) {
    for name in [
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::COOKIE,
        header::EXPECT,
        header::HOST,
        header::MAX_FORWARDS,
        header::SET_COOKIE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        trailers.remove(name);
    }
}
