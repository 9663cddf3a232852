//! Messages as they go out.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Method, StatusCode};

use crate::chunked::remove_forbidden;
use crate::fields::Present;
use crate::outbound::Outbound;
use crate::{Framing, date};

/// Puts a body into its framing.
#[derive(Debug)]
pub(crate) struct BodyEncoder(Framing);

/// A body is longer or shorter than its head has said: the connection is the only thing left to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongLength;

impl BodyEncoder {
    pub(crate) fn new(framing: Framing) -> Self {
        Self(framing)
    }

    /// Whether there is nothing to send, or nothing left.
    pub(crate) fn is_ended(&self) -> bool {
        self.0 == Framing::NONE
    }

    pub(crate) fn framing(&self) -> Framing {
        self.0
    }

    pub(crate) fn data(&mut self, data: Bytes, out: &mut Outbound) -> Result<(), WrongLength> {
        match &mut self.0 {
            // The end of a body is told by a chunk without data.
            _ if data.is_empty() => {}
            Framing::UntilClose => out.push(data),
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(WrongLength)?;
                out.push(data);
            }
            Framing::Chunked => {
                out.write(|tail| {
                    // A buffer that grows refuses nothing.
                    let _infallible = write!(tail, "{:x}\r\n", data.len());
                });
                out.push(data);
                out.write(|tail| tail.extend_from_slice(b"\r\n"));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>, out: &mut Outbound) -> Result<(), WrongLength> {
        match std::mem::replace(&mut self.0, Framing::NONE) {
            Framing::Length(1..) => Err(WrongLength),
            Framing::Length(0) | Framing::UntilClose => Ok(()),
            Framing::Chunked => {
                out.write(|tail| {
                    tail.extend_from_slice(b"0\r\n");
                    if let Some(mut trailers) = trailers {
                        remove_forbidden(&mut trailers);
                        fields(&trailers, tail);
                    }
                    tail.extend_from_slice(b"\r\n");
                });
                Ok(())
            }
        }
    }
}

/// Writes the head of a request with the fields that frame it.
pub(crate) fn request(method: &Method, target: &str, headers: &HeaderMap, framing: Framing, out: &mut BytesMut) {
    out.reserve(64 + target.len() + size(headers));
    put(out, &[method.as_str().as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\n"]);
    let present = fields(headers, out);
    match framing {
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Length(length) if !present.content_length && length > 0 => content_length(length, out),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// What a response's head says beyond its fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFrame {
    /// The framing, unless the response cannot have a body.
    pub(crate) framing: Option<Framing>,
    /// What to say of the connection, if anything.
    pub(crate) connection: Option<&'static str>,
}

/// Writes the head of a response.
pub(crate) fn response(status: StatusCode, headers: &HeaderMap, frame: ResponseFrame, out: &mut BytesMut) {
    out.reserve(128 + size(headers));
    status_line(status, out);
    let present = fields(headers, out);
    match frame.framing {
        Some(Framing::Chunked) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Some(Framing::Length(length)) if !present.content_length => content_length(length, out),
        _ => {}
    }
    if let Some(connection) = frame.connection {
        put(out, &[b"connection: ", connection.as_bytes(), b"\r\n"]);
    }
    if !present.date {
        put(out, &[b"date: ", date::now().as_bytes(), b"\r\n"]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an informational head.
pub(crate) fn informational(status: StatusCode, headers: &HeaderMap, out: &mut BytesMut) {
    status_line(status, out);
    fields(headers, out);
    out.extend_from_slice(b"\r\n");
}

fn status_line(status: StatusCode, out: &mut BytesMut) {
    match status {
        StatusCode::OK => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        _ => {
            let reason = status.canonical_reason().unwrap_or_default();
            put(out, &[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
        }
    }
}

fn content_length(length: u64, out: &mut BytesMut) {
    let _infallible = write!(out, "content-length: {length}\r\n");
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Writes the fields, and says which there are of those that a head may have to be completed with.
fn fields(headers: &HeaderMap, out: &mut BytesMut) -> Present {
    let (start, mut present) = (out.len(), Present::default());
    // Room for all of them at once: to make it for each part is most of what a short one costs.
    out.resize(start + size(headers), 0);
    let mut room = &mut out[start..];
    for (name, value) in headers {
        present.note(name);
        room = fill(room, name.as_str().as_bytes());
        room = fill(room, b": ");
        room = fill(room, value.as_bytes());
        room = fill(room, b"\r\n");
    }
    present
}

/// Copies a part to the front; what is left of the room.
#[inline]
fn fill<'a>(room: &'a mut [u8], part: &[u8]) -> &'a mut [u8] {
    let (front, rest) = room.split_at_mut(part.len());
    front.copy_from_slice(part);
    rest
}

fn put(out: &mut BytesMut, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
