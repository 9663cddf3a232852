//! A backend that speaks HTTP/2, frame by frame.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// What is between the backend and its clients.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

pub type Served = Connection<Box<dyn Io>, Bytes>;

pub struct Http2Origin {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Http2Origin {
    /// Gives each connection to `serve`.
    pub async fn raw<F, A>(tls: Option<TlsAcceptor>, builder: Builder, serve: F) -> Self
    where
        F: Fn(Served) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (tls, builder, serve) = (tls.clone(), builder.clone(), serve.clone());
                connections.spawn(async move {
                    let Some(io) = secure(stream, tls).await else { return };
                    // Whoever leaves during the handshake was only looking.
                    let Ok(connection) = builder.handshake(io).await else { return };
                    serve(connection).await;
                });
            }
        });
        Self { address, accepted, _task: AbortOnDropHandle::new(task) }
    }

    /// Gives each request to `answer`.
    pub async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        Self::with(None, Builder::new(), answer).await
    }

    pub async fn with<F, A>(tls: Option<TlsAcceptor>, builder: Builder, answer: F) -> Self
    where
        F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        Self::raw(tls, builder, move |connection| serve(connection, answer.clone())).await
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub fn h2c(&self) -> String {
        format!("h2c://{}", self.address)
    }
}

/// Gives each request to `answer` until the client leaves.
pub async fn serve<F, A>(mut connection: Served, answer: F)
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> A,
    A: Future<Output = ()> + Send + 'static,
{
    let mut requests = tokio::task::JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        requests.spawn(answer(request, respond));
    }
}

async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Io>> {
    match tls {
        Some(tls) => Some(Box::new(tls.accept(stream).await.ok()?)),
        None => Some(Box::new(stream)),
    }
}

/// Sends a head with status 200.
pub fn ok(respond: &mut SendResponse<Bytes>) -> SendStream<Bytes> {
    respond.send_response(Response::new(()), false).unwrap()
}

/// The next piece of a request, with room made for another one.
pub async fn piece(body: &mut RecvStream) -> Option<Bytes> {
    let data = body.data().await?.ok()?;
    body.flow_control().release_capacity(data.len()).unwrap();
    Some(data)
}

/// Sends as fast as the client takes it; whether it took all.
pub async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> bool {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(capacity)) => {
                if stream.send_data(data.split_to(capacity.min(data.len())), false).is_err() {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}
