//! Local web servers: one that behaves, and raw sockets for those that do not.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A server on a port of its own; dropping it closes it with all its connections.
pub struct Local {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Local {
    /// Gives each connection to `serve`.
    pub async fn raw<F, Fut>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                tasks.spawn(serve(stream));
            }
        });
        Self { port, connections, _task: AbortOnDropHandle::new(task) }
    }

    /// Answers each connection's first request with `response`, byte for byte, and closes it.
    pub async fn saying(response: &'static [u8]) -> Self {
        Self::raw(move |mut stream| async move {
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).await;
            let _sent = stream.write_all(response).await;
        })
        .await
    }

    /// A server with a few pages, over HTTP/1.1 with keep-alive.
    pub async fn pages() -> Self {
        Self::raw(|stream| async move {
            let service = service_fn(page);
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ended = served.with_upgrades().await;
        })
        .await
    }

    /// The same pages, over whichever version of HTTP the client speaks.
    pub async fn either() -> Self {
        Self::raw(|stream| async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ended = server.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(page)).await;
        })
        .await
    }

    pub fn target(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

type Body = BoxBody<Bytes, hyper::Error>;

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}

async fn page(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(full(Bytes::new()));
    match request.uri().path() {
        // The request as the server sees it.
        "/echo-head" => {
            let mut lines = format!("{} {}\n", request.method(), request.uri());
            for (name, value) in request.headers() {
                lines.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
            }
            *response.body_mut() = full(lines);
        }
        // The request's body back, as it comes.
        "/echo" => *response.body_mut() = request.into_body().boxed(),
        "/large" => *response.body_mut() = full(super::pattern(1024 * 1024)),
        "/empty" => *response.status_mut() = StatusCode::NO_CONTENT,
        "/cookies" => {
            response.headers_mut().append("set-cookie", HeaderValue::from_static("a=1"));
            response.headers_mut().append("set-cookie", HeaderValue::from_static("b=2"));
            response.headers_mut().append("keep-alive", HeaderValue::from_static("timeout=5"));
        }
        "/trailers" => {
            response.headers_mut().append("trailer", HeaderValue::from_static("x-end"));
            let end = HeaderMap::from_iter([("x-end".parse().unwrap(), HeaderValue::from_static("yes"))]);
            let frames = [Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(end))];
            *response.body_mut() = StreamBody::new(futures_util::stream::iter(frames)).boxed();
        }
        "/upgrade" => return Ok(upgrade(request)),
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

/// Echoes bytes after a 101, and says "bye" when the other side has said its last.
fn upgrade(mut request: Request<Incoming>) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    if request.headers().get("upgrade").is_none_or(|protocol| protocol != "echo") {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return response;
    }
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
    response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    tokio::spawn(async move {
        let mut io = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
        let mut buffer = [0; 1024];
        loop {
            match io.read(&mut buffer).await.unwrap() {
                0 => break,
                read => io.write_all(&buffer[..read]).await.unwrap(),
            }
        }
        io.write_all(b"bye").await.unwrap();
        io.shutdown().await.unwrap();
    });
    response
}
