//! A client of HTTP/2, frame by frame, so that it can get it wrong (RFC 9113 section 4.1).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Bytes,
}

/// How a connection has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With a GOAWAY that says why.
    Told(u32),
    /// Without a word.
    Silent,
}

/// The client's end.
pub struct Raw {
    reader: Reader,
    writer: OwnedWriteHalf,
}

struct Reader {
    stream: OwnedReadHalf,
    ahead: BytesMut,
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Fields as RFC 7541 section 6.2.2 writes them: without index, without Huffman's code.
pub fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// RFC 7541 section 5.1, with a prefix of seven bits.
fn length(mut length: usize, block: &mut Vec<u8>) {
    if length < 127 {
        return block.push(u8::try_from(length).unwrap());
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push(u8::try_from(length % 128).unwrap() | 0x80);
        length /= 128;
    }
    block.push(u8::try_from(length).unwrap());
}

/// A GET for a host, with more fields.
pub fn get(authority: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority)];
    all.extend_from_slice(more);
    fields(&all)
}

impl Raw {
    /// Says nothing yet.
    pub async fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (stream, writer) = stream.into_split();
        Self { reader: Reader { stream, ahead: BytesMut::new() }, writer }
    }

    /// Has sent its preface and settings.
    pub async fn to(address: SocketAddr) -> Self {
        let mut raw = Self::silent(address).await;
        raw.write(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()).await;
        raw
    }

    /// Whether it could be written.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok()
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    /// The next frame; `None` when the other end has left.
    pub async fn next(&mut self) -> Option<Frame> {
        self.reader.next().await
    }

    /// Reads up to the first frame of this kind on this stream.
    pub async fn next_of(&mut self, kind: u8, stream: u32) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if (frame.kind, frame.stream) == (kind, stream) {
                return Some(frame);
            }
        }
    }

    /// With which error the stream is reset; `None` when the connection ends without it.
    pub async fn reset_of(&mut self, stream: u32) -> Option<u32> {
        Some(self.next_of(RST_STREAM, stream).await?.payload.get_u32())
    }

    /// Reads to the end.
    pub async fn end(&mut self) -> End {
        self.reader.end().await
    }

    /// Writes on and on, what is made of 0, 1, 2 and so on, and reads meanwhile, to the end.
    pub async fn flood(&mut self, mut piece: impl FnMut(u32) -> Vec<u8>) -> End {
        self.end_amid(async |writer| {
            for number in 0.. {
                if writer.write_all(&piece(number)).await.is_err() {
                    break;
                }
            }
        })
        .await
    }

    /// Writes one byte after the other, and reads meanwhile, to the end.
    pub async fn trickle(&mut self, bytes: &[u8], every: Duration) -> End {
        self.end_amid(async |writer| {
            for byte in bytes {
                tokio::time::sleep(every).await;
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        })
        .await
    }

    async fn end_amid(&mut self, writing: impl AsyncFnOnce(&mut OwnedWriteHalf)) -> End {
        let writer = &mut self.writer;
        let writing = async move {
            writing(writer).await;
            std::future::pending().await
        };
        tokio::select! {
            end = self.reader.end() => end,
            never = writing => never,
        }
    }
}

impl Reader {
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let [a, b, c, kind, flags, stream @ ..] = &self.ahead[..]
                && let Some(stream) = stream.first_chunk()
            {
                let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                let (kind, flags, stream) = (*kind, *flags, u32::from_be_bytes(*stream));
                if self.ahead.len() >= 9 + length {
                    self.ahead.advance(9);
                    return Some(Frame { kind, flags, stream, payload: self.ahead.split_to(length).freeze() });
                }
            }
            if !matches!(self.stream.read_buf(&mut self.ahead).await, Ok(1..)) {
                return None;
            }
        }
    }

    async fn end(&mut self) -> End {
        let mut end = End::Silent;
        while let Some(mut frame) = self.next().await {
            if frame.kind == GOAWAY {
                end = End::Told(frame.payload.split_off(4).get_u32());
            }
        }
        end
    }
}
