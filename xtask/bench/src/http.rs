//! As much of an HTTP/1.1 client as measuring needs: it is not to cost more than what it measures.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How much is read at once.
const BUFFER: usize = 256 * 1024;
const SMALL_BUFFER: usize = 2048;
/// More header fields than any of the measured programs adds.
pub const MAX_FIELDS: usize = 64;

/// A connection on which one request follows the other.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet used.
    start: usize,
    end: usize,
}

/// The beginning of a response.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body's length, in bytes.
    pub length: u64,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::with_buffer(address, BUFFER).await
    }

    /// Connects for small responses only: there may be very many such connections.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn small(address: SocketAddr) -> io::Result<Self> {
        Self::with_buffer(address, SMALL_BUFFER).await
    }

    async fn with_buffer(address: SocketAddr, buffer: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; buffer], start: 0, end: 0 })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads the head of a response. Its body is to be read next.
    ///
    /// # Errors
    /// When the connection ends, or what comes is not a response with a `Content-Length`.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((used, answer)) = head(&self.buffer[self.start..self.end])? {
                self.start += used;
                return Ok(answer);
            }
            self.fill().await?;
        }
    }

    /// Reads and forgets a body of that length.
    ///
    /// # Errors
    /// When the connection ends before the body does.
    pub async fn skip(&mut self, length: u64) -> io::Result<()> {
        let mut left = length;
        loop {
            let here = left.min((self.end - self.start) as u64);
            // No more than the buffer holds.
            self.start += here as usize;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Reads a body of that length.
    ///
    /// # Errors
    /// When the connection ends before the body does, or it is larger than any that is kept.
    pub async fn body(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.buffer.len());
        let length = length.ok_or_else(|| broken("the body is too large to be kept"))?;
        while self.end - self.start < length {
            self.fill().await?;
        }
        let body = self.buffer[self.start..self.start + length].to_vec();
        self.start += length;
        Ok(body)
    }

    /// A GET whose body is of no interest; its status.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&mut self, host: &str, path: &str) -> io::Result<u16> {
        self.send(&get(host, path)).await?;
        let answer = self.answer().await?;
        self.skip(answer.length).await?;
        Ok(answer.status)
    }

    /// The socket, and what has been read of what follows the last answer.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.buffer[self.start..self.end].to_vec())
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            return Err(broken("the head is too large"));
        }
        match self.stream.read(&mut self.buffer[self.end..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }
}

/// A GET as it is sent.
pub fn get(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

/// A response's head at the beginning of `bytes`, with its length; `None` while it is incomplete.
fn head(bytes: &[u8]) -> io::Result<Option<(usize, Answer)>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(used) = response.parse(bytes).map_err(broken)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let length = field(response.headers, "content-length").and_then(|value| value.parse().ok());
    // These have no body, whatever they say (RFC 9112 §6.3).
    let length = if matches!(status, 100..200 | 204 | 304) { Some(0) } else { length };
    let length = length.ok_or_else(|| broken(format!("an answer {status} without Content-Length")))?;
    Ok(Some((used, Answer { status, length })))
}

/// The value of a header field.
pub fn field<'a>(fields: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(field.value).ok().map(str::trim)
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert!(head(&whole[..whole.len() - 5]).expect("it may go on").is_none());
        let (used, answer) = head(whole).expect("a response").expect("a whole head");
        assert_eq!((&whole[used..], answer.status, answer.length), (&b"abc"[..], 200, 3));
    }

    #[test]
    fn a_body_of_unknown_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        let switching = head(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").expect("no body").expect("a whole head");
        assert_eq!(switching.1.length, 0);
    }
}
