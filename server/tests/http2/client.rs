use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::Switchboard;

/// A connection to one host.
pub struct Http2 {
    pub sender: SendRequest<Bytes>,
    authority: String,
    /// The connection's own end.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// A response, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Http2 {
    pub async fn connect(address: SocketAddr, authority: &str) -> Self {
        Self::connect_with(&Builder::new(), address, authority).await
    }

    pub async fn connect_with(builder: &Builder, address: SocketAddr, authority: &str) -> Self {
        Self::over(builder, address, authority).await.unwrap()
    }

    /// Over a network that may break.
    pub async fn try_connect(address: SocketAddr, authority: &str) -> Result<Self, h2::Error> {
        Self::over(&Builder::new(), address, authority).await
    }

    async fn over(builder: &Builder, address: SocketAddr, authority: &str) -> Result<Self, h2::Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = builder.handshake(stream).await?;
        Ok(Self { sender, authority: authority.to_owned(), connection: tokio::spawn(connection) })
    }

    /// To the dashboard.
    pub async fn dashboard(switchboard: &Switchboard) -> Self {
        Self::connect(switchboard.address, &format!("localhost:{}", switchboard.address.port())).await
    }

    /// To a tunnel.
    pub async fn visitor(switchboard: &Switchboard, subdomain: &str) -> Self {
        let authority = format!("{subdomain}.localhost:{}", switchboard.address.port());
        Self::connect(switchboard.address, &authority).await
    }

    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.authority))
    }

    pub fn get(&self, path: &str) -> Request<()> {
        self.request(Method::GET, path).body(()).unwrap()
    }

    /// Sends the head of a request.
    pub async fn open(&self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        sender.send_request(request, end).unwrap()
    }

    /// Sends a request, and reads the answer to its end.
    pub async fn ask(&self, request: Request<()>, body: impl Into<Bytes>) -> Result<Answer, h2::Error> {
        let body = body.into();
        let (response, mut send) = self.sender.clone().ready().await?.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            send.send_data(body, true)?;
        }
        read(response.await?).await
    }
}

/// Reads a response to its end.
pub async fn read(response: Response<RecvStream>) -> Result<Answer, h2::Error> {
    let (parts, mut stream) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.freeze(), trailers })
}

/// Sends all of a body as the other end has room for it.
pub async fn send_all(mut send: SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        send.reserve_capacity(body.len());
        let room = std::future::poll_fn(|cx| send.poll_capacity(cx)).await.unwrap()?;
        send.send_data(body.split_to(room.min(body.len())), false)?;
    }
    send.send_data(Bytes::new(), true)
}
