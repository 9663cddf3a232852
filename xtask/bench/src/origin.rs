//! The web server behind everything that is measured: one thread that does next to nothing, in a process of its own.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use anyhow::Context;
use socket2::SockRef;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    http::{MAX_FIELDS, field},
    load::frames,
};

/// The argument with which this program is the origin.
pub const COMMAND: &str = "origin";
/// A small response.
pub const SMALL: &str = "/small";
/// A response of 64 KiB.
pub const BODY_64K: &str = "/64k";
/// A response of 1 MiB.
pub const BODY_1M: &str = "/1m";
/// A response of 64 MiB.
pub const BODY_64M: &str = "/64m";
/// A response of 64 MiB that nobody reads.
pub const UNREAD: &str = "/unread";
/// Takes whatever body it is sent.
pub const SINK: &str = "/sink";
/// A WebSocket that sends back each message.
pub const ECHO: &str = "/echo";

const SMALL_BODY: &[u8] =
    b"{\"greeting\":\"hello\",\"from\":\"the origin\",\"padding\":\"0123456789012345678901234567890123456\"}\n";
/// What large bodies are made of.
const BLOCK: &[u8] = &[b'x'; 1 << 20];
const BUFFER: usize = 256 * 1024;
/// How much of a response that nobody reads the kernel may keep for the origin, in bytes; else it keeps megabytes of each, and
/// soon is short of memory for the connections of everybody.
const UNREAD_BUFFER: usize = 128 * 1024;

/// A running origin; it ends when this is dropped.
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    _child: Child,
}

impl Origin {
    /// Starts this program once more, as the origin.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the origin")?;
        let output = child.stdout.take().context("the origin has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let address = line.trim().parse().context("the origin did not say where it listens")?;
        Ok(Self { address, _child: child })
    }
}

/// Serves until standard input ends, which is when whoever started it is gone.
///
/// # Errors
/// When it cannot listen.
pub async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move {
        loop {
            // A connection that is gone before it is accepted is no reason to stop.
            let Ok((stream, _)) = listener.accept().await else { continue };
            // Clients come and go as they please.
            tokio::spawn(async move { drop(answer_all(stream).await) });
        }
    });
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
    Ok(())
}

/// What a request asks for.
enum Asked {
    Small,
    Body(usize),
    Unread(usize),
    Sink(u64),
    Echo(String),
    Unknown,
}

struct Request {
    asked: Asked,
    close: bool,
    /// The length of its head.
    used: usize,
}

async fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Thousands of connections are idle, few carry large bodies: each buffer grows when it is needed.
    let (mut buffer, mut filled) = (vec![0; 4096], 0);
    loop {
        let request = loop {
            if let Some(request) = parse(&buffer[..filled])? {
                break request;
            }
            if filled == buffer.len() {
                buffer.resize(buffer.len() * 2, 0);
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                read => filled += read,
            }
        };
        buffer.copy_within(request.used..filled, 0);
        filled -= request.used;
        match request.asked {
            Asked::Small => respond(&mut stream, "200 OK", SMALL_BODY, request.close).await?,
            Asked::Body(length) => bulk(&mut stream, length, request.close).await?,
            Asked::Unread(length) => {
                SockRef::from(&stream).set_send_buffer_size(UNREAD_BUFFER)?;
                bulk(&mut stream, length, request.close).await?;
            }
            Asked::Sink(length) => {
                filled = sink(&mut stream, &mut buffer, filled, length).await?;
                respond(&mut stream, "200 OK", b"", request.close).await?;
            }
            Asked::Echo(key) => return echo(stream, &key, &buffer[..filled]).await,
            Asked::Unknown => respond(&mut stream, "404 Not Found", b"", request.close).await?,
        }
        if request.close {
            return stream.shutdown().await;
        }
    }
}

fn parse(bytes: &[u8]) -> io::Result<Option<Request>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(used) = parsed else { return Ok(None) };
    let close = field(request.headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let asked = match request.path.unwrap_or_default() {
        SMALL => Asked::Small,
        BODY_64K => Asked::Body(64 << 10),
        BODY_1M => Asked::Body(1 << 20),
        BODY_64M => Asked::Body(64 << 20),
        UNREAD => Asked::Unread(64 << 20),
        SINK => match field(request.headers, "content-length").and_then(|value| value.parse().ok()) {
            Some(length) => Asked::Sink(length),
            None => Asked::Unknown,
        },
        ECHO => match field(request.headers, "sec-websocket-key") {
            Some(key) => Asked::Echo(derive_accept_key(key.as_bytes())),
            None => Asked::Unknown,
        },
        _ => Asked::Unknown,
    };
    Ok(Some(Request { asked, close, used }))
}

fn head(status: &str, length: usize, close: bool) -> String {
    let connection = if close { "Connection: close\r\n" } else { "" };
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{connection}\r\n")
}

async fn respond(stream: &mut TcpStream, status: &str, body: &[u8], close: bool) -> io::Result<()> {
    let mut bytes = head(status, body.len(), close).into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await
}

async fn bulk(stream: &mut TcpStream, length: usize, close: bool) -> io::Result<()> {
    // Head and body leave together, as from any good server: a proxy that gets the head alone passes it on alone.
    let head = head("200 OK", length, close);
    let first = &BLOCK[..length.min(BLOCK.len())];
    let written = stream.write_vectored(&[io::IoSlice::new(head.as_bytes()), io::IoSlice::new(first)]).await?;
    let mut left = (head.len() + length).saturating_sub(written);
    if left > length {
        stream.write_all(&head.as_bytes()[written..]).await?;
        left = length;
    }
    while left > 0 {
        let block = &BLOCK[..left.min(BLOCK.len())];
        stream.write_all(block).await?;
        left -= block.len();
    }
    Ok(())
}

/// Reads and forgets a body; how much of the buffer belongs to what follows it.
async fn sink(stream: &mut TcpStream, buffer: &mut Vec<u8>, filled: usize, length: u64) -> io::Result<usize> {
    if (filled as u64) >= length {
        let used = length as usize;
        buffer.copy_within(used..filled, 0);
        return Ok(filled - used);
    }
    let mut left = length - filled as u64;
    buffer.resize(buffer.len().max(BUFFER), 0);
    while left > 0 {
        let space = left.min(buffer.len() as u64) as usize;
        match stream.read(&mut buffer[..space]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => left -= read as u64,
        }
    }
    Ok(0)
}

async fn echo(mut stream: TcpStream, accept: &str, early: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut read = early.to_vec();
    let mut replies = Vec::new();
    loop {
        let used = frames::take(&mut read, |payload| frames::put(&mut replies, payload, None));
        read.drain(..used);
        if !replies.is_empty() {
            stream.write_all(&replies).await?;
            replies.clear();
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}
