//! The WebSocket under a line, as something to test against: `cargo xtask autobahn` does.
//!
//! `websocket_echo serve` echoes what it is sent, on a free port that it prints. `websocket_echo drive HOST:PORT AGENT`
//! goes through the cases of an Autobahn fuzzing server, echoing as well, and has it write its report.

use std::env;
use std::time::Duration;

use anyhow::{Context, bail};
use telephone::line::{Socket, SocketError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wire::websocket::{Limits, Received, Role};

/// The longest messages of the test suite have 16 MiB, and nothing of them may be refused.
const LIMITS: Limits = Limits { frame: 16 << 20, message: 16 << 20 };
/// How long the closing handshake may take.
const GOODBYE: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve().await,
        ["drive", authority, agent] => drive(authority, agent).await,
        _ => bail!("usage: websocket_echo serve | websocket_echo drive HOST:PORT AGENT"),
    }
}

async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            match accept(stream).await {
                Ok(socket) => drop(echo(socket).await),
                Err(error) => eprintln!("no handshake: {error:#}"),
            }
        });
    }
}

async fn drive(authority: &str, agent: &str) -> anyhow::Result<()> {
    let mut socket = connect(authority, "/getCaseCount").await?;
    let Received::Text(count) = socket.receive().await? else { bail!("no count of cases") };
    let count: u32 = count.trim().parse().context("no count of cases")?;
    drop(echo(socket).await);
    for case in 1..=count {
        let socket = connect(authority, &format!("/runCase?case={case}&agent={agent}")).await?;
        drop(echo(socket).await);
    }
    drop(echo(connect(authority, &format!("/updateReports?agent={agent}")).await?).await);
    Ok(())
}

/// Sends back whatever comes, until the connection ends; then takes part in closing it.
async fn echo(mut socket: Socket<TcpStream>) -> Result<(), SocketError> {
    let (code, reason) = loop {
        match socket.receive().await {
            Ok(Received::Text(text)) => socket.send_text(&text).await?,
            Ok(Received::Binary(payload)) => socket.send_binary(&payload).await?,
            Ok(Received::Ping(_) | Received::Pong(_) | Received::TooLong(_)) => {}
            Ok(Received::Close(_)) => break (1000, String::new()),
            Err(SocketError::Protocol(error)) => break (error.close_code(), error.to_string()),
            Err(error) => return Err(error),
        }
    };
    timeout(GOODBYE, socket.close(code, &reason)).await.unwrap_or(Ok(()))
}

/// The server's half of the handshake.
async fn accept(mut stream: TcpStream) -> anyhow::Result<Socket<TcpStream>> {
    stream.set_nodelay(true)?;
    let head = read_head(&mut stream).await?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Sec-WebSocket-Key").then(|| value.trim())
    });
    let accept = derive_accept_key(key.context("a request without Sec-WebSocket-Key")?.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(Socket::new(stream, Role::Server, LIMITS, &[]))
}

/// The client's half of the handshake.
async fn connect(authority: &str, path: &str) -> anyhow::Result<Socket<TcpStream>> {
    let mut stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let key = generate_key();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let head = read_head(&mut stream).await?;
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(&derive_accept_key(key.as_bytes())) {
        bail!("the answer is not that to a WebSocket handshake: {head}");
    }
    Ok(Socket::new(stream, Role::Client, LIMITS, &[]))
}

/// Reads up to the blank line and no byte further.
async fn read_head(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 64 * 1024 {
            bail!("an endless head");
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}
