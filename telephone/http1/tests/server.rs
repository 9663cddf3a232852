//! Connections as a client sees them: raw bytes over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use http1::RequestError;
use http1::server::{Body, Connection, Ended, Limits, Service, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const LIMITS: Limits = Limits {
    head: 4096,
    target: 1024,
    head_time: Duration::from_millis(300),
    write_time: Duration::from_secs(10),
    quiet: Duration::from_millis(200),
};

/// Answers by path, and tells of requests whose answers nobody waited for.
struct Site {
    dropped: mpsc::Sender<()>,
}

struct Tell(Option<mpsc::Sender<()>>);

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(dropped) = &self.0 {
            let _nobody_listens = dropped.try_send(());
        }
    }
}

impl Service<TcpStream> for Site {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Body<TcpStream>>) -> Response<Full<Bytes>> {
        let (head, mut body) = request.into_parts();
        let mut tell = Tell(Some(self.dropped.clone()));
        let text = match head.uri.path() {
            "/echo" => match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => std::future::pending().await,
            },
            "/ignore" => Bytes::from_static(b"ignored"),
            "/upgrade" => {
                let upgrade = body.on_upgrade().unwrap();
                tokio::spawn(async move {
                    let mut stream = upgrade.await.unwrap();
                    let mut said = [0; 5];
                    stream.read_exact(&mut said).await.unwrap();
                    stream.write_all(&said).await.unwrap();
                });
                tell.0 = None;
                return Response::builder().status(StatusCode::SWITCHING_PROTOCOLS).body(Full::default()).unwrap();
            }
            "/hints" | "/hints-at-once" => {
                let headers = http::HeaderMap::from_iter([(http::header::LINK, "</a>".parse().unwrap())]);
                body.informing().unwrap().send(StatusCode::EARLY_HINTS, headers);
                if head.uri.path() == "/hints" {
                    tokio::task::yield_now().await;
                }
                Bytes::from_static(b"late")
            }
            "/never" => {
                let _kept = body;
                std::future::pending().await
            }
            path => Bytes::from(path.to_owned()),
        };
        tell.0 = None;
        Response::new(Full::new(text))
    }

    fn refuse(&self, error: RequestError) -> Response<Full<Bytes>> {
        Response::builder().status(error.status()).body(Full::new(Bytes::from(error.to_string()))).unwrap()
    }
}

struct Client {
    stream: TcpStream,
    received: BytesMut,
    served: JoinHandle<Ended>,
    dropped: mpsc::Receiver<()>,
    stop: Arc<Stop>,
}

impl Client {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let (sender, dropped) = mpsc::channel(8);
        let stop = Arc::new(Stop::default());
        let stopping = stop.clone();
        let served = tokio::spawn(async move {
            let connection = Connection::new(accepted, BytesMut::new(), LIMITS);
            connection.serve(&Site { dropped: sender }, None, &stopping).await
        });
        Self { stream, received: BytesMut::new(), served, dropped, stop }
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer: its head, and as much of a body as it says.
    async fn answer(&mut self) -> (String, String) {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "{:?}", self.received);
        };
        let head = String::from_utf8(self.received.split_to(end).to_vec()).unwrap();
        let length =
            head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        while self.received.len() < length {
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "{head}");
        }
        (head, String::from_utf8(self.received.split_to(length).to_vec()).unwrap())
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> String {
        self.stream.read_buf(&mut self.received).await.unwrap();
        while self.stream.read_buf(&mut self.received).await.unwrap() > 0 {}
        String::from_utf8(self.received.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn requests_are_answered_one_after_the_other_and_in_step() {
    let mut client = Client::new().await;
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "/a");
    assert_eq!(client.answer().await.1, "hello");
    assert_eq!(client.answer().await.1, "/b");
    client.send("\r\nPOST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "ignored");
    assert_eq!(client.answer().await.1, "/c");
    client.send("HEAD /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\r\n\r\n"), "{rest}");
    assert!(rest.contains("connection: close\r\n") && rest.contains("date: "), "{rest}");
    assert_eq!(client.served.await.unwrap(), Ended::Closed);
}

#[tokio::test]
async fn a_quiet_connection_is_given_back_and_a_slow_head_is_not_waited_for() {
    let client = Client::new().await;
    assert_eq!(client.served.await.unwrap(), Ended::Quiet);
    let mut client = Client::new().await;
    client.send("GET / HT").await;
    assert_eq!(client.served.await.unwrap(), Ended::Closed);
    // Nor one that has begun behind a whole request, in the same piece.
    let mut client = Client::new().await;
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET / HT").await;
    assert_eq!(client.answer().await.1, "/a");
    assert_eq!(client.served.await.unwrap(), Ended::Closed);
    let mut client = Client::new().await;
    client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.stop.stop();
    drop(client.stream);
    assert_eq!(client.served.await.unwrap(), Ended::Closed);
}

#[tokio::test]
async fn what_is_refused_is_explained_and_ends_the_connection() {
    let mut client = Client::new().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 400 ") && rest.matches("HTTP/1.1").count() == 1, "{rest}");
    let mut client = Client::new().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    let mut client = Client::new().await;
    client.send(&format!("GET / HTTP/1.1\r\nX: {}\r\n", "a".repeat(5000))).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
    let mut client = Client::new().await;
    client.send(&format!("GET /{}", "a".repeat(5000))).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 414 "));
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_when_its_body_is_wanted() {
    let mut client = Client::new().await;
    let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.send(&format!("POST /echo {head}")).await;
    assert!(client.answer().await.0.starts_with("HTTP/1.1 100 "));
    client.send("hello").await;
    assert_eq!(client.answer().await.1, "hello");
    // One whose body is not wanted is told the outcome, and does not send it.
    client.send(&format!("POST /ignore {head}")).await;
    assert_eq!(client.answer().await.1, "ignored");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn early_hints_come_before_the_answer() {
    let mut client = Client::new().await;
    client.send("GET /hints HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.0, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    assert_eq!(client.answer().await.1, "late");
    // Also when both are there at the same time.
    client.send("GET /hints-at-once HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.0, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    assert_eq!(client.answer().await.1, "late");
}

#[tokio::test]
async fn bytes_behind_an_upgrade_are_the_other_protocols() {
    let mut client = Client::new().await;
    client.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello").await;
    assert!(client.answer().await.0.starts_with("HTTP/1.1 101 "));
    assert_eq!(client.rest().await, "hello");
    assert_eq!(client.served.await.unwrap(), Ended::Upgraded);
}

#[tokio::test]
async fn who_leaves_is_noticed() {
    // While it waits for an answer, within its body, and with a body that nobody reads.
    for (request, reset) in [
        ("GET /never HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), false),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello".to_owned(), false),
        (format!("POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n{}", "a".repeat(9000)), true),
    ] {
        let mut client = Client::new().await;
        client.send(&request).await;
        if reset {
            client.stream.set_zero_linger().unwrap();
        }
        drop(client.stream);
        tokio::time::timeout(Duration::from_secs(5), client.dropped.recv()).await.unwrap().unwrap();
        assert_eq!(client.served.await.unwrap(), Ended::Closed);
    }
}

#[tokio::test]
async fn old_clients_are_served() {
    let mut client = Client::new().await;
    client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let (head, body) = client.answer().await;
    assert!(head.contains("connection: keep-alive\r\n") && body == "/a", "{head}");
    client.send("GET /b HTTP/1.0\r\n\r\n").await;
    assert!(client.rest().await.ends_with("\r\n\r\n/b"));
}
