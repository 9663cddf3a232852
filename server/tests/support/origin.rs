use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Any body. A failing one breaks the connection off.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A whole body.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Body::new(Full::new(bytes.into()).map_err(|never| match never {}))
}

/// A body of what is sent here; an error breaks it off.
pub fn streamed() -> (mpsc::Sender<std::io::Result<Frame<Bytes>>>, Body) {
    let (sender, mut receiver) = mpsc::channel(1);
    let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (sender, Body::new(StreamBody::new(stream.fuse())))
}

/// Sends pieces that have to arrive in this body, each only when the last has arrived: nothing may wait for company.
pub async fn one_by_one(pieces: mpsc::Sender<std::io::Result<Frame<Bytes>>>, mut body: Incoming) {
    for n in 0..5 {
        let piece = Bytes::from(format!("data: {n}\n\n"));
        pieces.send(Ok(Frame::data(piece.clone()))).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(body.frame().await.is_none());
}

/// A local web server: real HTTP on a real socket, with the answers a test wants.
pub struct Origin {
    pub address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Origin {
    pub async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    /// The same where somebody listens already.
    pub fn on<F, A>(listener: TcpListener, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, Infallible>(answered.await) }
                });
                connections.spawn(async move {
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    // A client that breaks off is what some tests are about.
                    connection.with_upgrades().await.ok();
                });
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }

    /// Answers its only request with this body.
    pub async fn stream(body: Body) -> Self {
        let body = Arc::new(std::sync::Mutex::new(Some(body)));
        Self::start(move |_| {
            let body = body.lock().unwrap().take().unwrap();
            async { Response::builder().header(http::header::CONTENT_TYPE, "text/event-stream").body(body).unwrap() }
        })
        .await
    }

    /// Sends each body back as it comes.
    pub async fn echo() -> Self {
        let back = async |request: Request<Incoming>| {
            Response::new(Body::new(request.into_body().map_err(std::io::Error::other)))
        };
        Self::start(back).await
    }

    /// Answers each request with its own method, path, headers and body.
    pub async fn mirror() -> Self {
        Self::start(async |request| {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let mut lines = vec![format!("{} {}", parts.method, parts.uri)];
            for (name, value) in &parts.headers {
                lines.push(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
            }
            lines.push(String::new());
            lines.push(String::from_utf8_lossy(&body).into_owned());
            Response::new(full(lines.join("\n")))
        })
        .await
    }
}
