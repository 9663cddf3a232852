//! Messages as they go out.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use crate::chunked::remove_forbidden;
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
                out.write(|tail| tail.put_slice(b"\r\n"));
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
                    tail.put_slice(b"0\r\n");
                    if let Some(mut trailers) = trailers {
                        remove_forbidden(&mut trailers);
                        fields(&trailers, tail);
                    }
                    tail.put_slice(b"\r\n");
                });
                Ok(())
            }
        }
    }
}

/// Writes the head of a request with the fields that frame it.
pub(crate) fn request(method: &Method, target: &str, headers: &HeaderMap, framing: Framing, out: &mut BytesMut) {
    out.reserve(64 + target.len() + size(headers));
    for part in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        out.put_slice(part.as_bytes());
    }
    fields(headers, out);
    match framing {
        Framing::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Length(length) if !headers.contains_key(header::CONTENT_LENGTH) && length > 0 => {
            content_length(length, out);
        }
        _ => {}
    }
    out.put_slice(b"\r\n");
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
    fields(headers, out);
    match frame.framing {
        Some(Framing::Chunked) => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Some(Framing::Length(length)) if !headers.contains_key(header::CONTENT_LENGTH) => content_length(length, out),
        _ => {}
    }
    if let Some(connection) = frame.connection {
        for part in ["connection: ", connection, "\r\n"] {
            out.put_slice(part.as_bytes());
        }
    }
    if !headers.contains_key(header::DATE) {
        field(header::DATE.as_str(), date::now().as_bytes(), out);
    }
    out.put_slice(b"\r\n");
}

/// Writes an informational head.
pub(crate) fn informational(status: StatusCode, headers: &HeaderMap, out: &mut BytesMut) {
    status_line(status, out);
    fields(headers, out);
    out.put_slice(b"\r\n");
}

fn status_line(status: StatusCode, out: &mut BytesMut) {
    for part in ["HTTP/1.1 ", status.as_str(), " ", status.canonical_reason().unwrap_or_default(), "\r\n"] {
        out.put_slice(part.as_bytes());
    }
}

fn content_length(length: u64, out: &mut BytesMut) {
    let _infallible = write!(out, "content-length: {length}\r\n");
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn fields(headers: &HeaderMap, out: &mut BytesMut) {
    for (name, value) in headers {
        field(name.as_str(), value.as_bytes(), out);
    }
}

fn field(name: &str, value: &[u8], out: &mut BytesMut) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.put_slice(part);
    }
}
