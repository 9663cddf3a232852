//! An origin that keeps every byte it gets and answers what the path asks for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// The answer to any path that is not among [`ANSWERS`].
const USUAL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A thousand of these come before the answer to `/storm`. That to `/whole` comes when all of the body is there; others come
/// as soon as there is a head.
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";

/// Answers byte for byte, by path; after those that cannot be followed by another, the connection ends.
const ANSWERS: [(&str, &str, bool); 19] = [
    (
        "/te-and-cl",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        true,
    ),
    ("/two-lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", true),
    ("/not-asked", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\n", true),
    ("/no-protocol", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", true),
    ("/one-more", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat, evil\r\n\r\n", true),
    ("/garbage", "this is not HTTP\r\n\r\n", true),
    ("/silence", "", true),
    ("/half-a-head", "HTTP/1.1 200 OK\r\nContent-Len", true),
    ("/short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true),
    ("/short-chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
    ("/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", true),
    (
        "/too-much",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 EVIL\r\nContent-Length: 4\r\n\r\nEVIL",
        false,
    ),
    (
        "/hints",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
    ),
    ("/no-content", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false),
    ("/not-modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false),
    (
        "/hop",
        "HTTP/1.1 200 OK\r\nConnection: x-own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nContent-Length: 2\r\n\r\nok",
        false,
    ),
    ("/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", true),
    ("/upgrade", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nwelcome", true),
    ("/version", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Chat/2\r\n\r\nwelcome", true),
];

/// What the origin got, a text for each connection.
type Received = Arc<Mutex<Vec<String>>>;

/// An origin on a raw socket.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    received: Received,
    _task: AbortOnDropHandle<()>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, received) = (listener.local_addr().unwrap(), Received::default());
        let kept = received.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, kept.clone()));
            }
        });
        Self { address, received, _task: AbortOnDropHandle::new(task) }
    }

    /// All that came since the last [`forget`](Self::forget).
    pub(crate) fn received(&self) -> String {
        self.received.lock().unwrap().concat()
    }

    pub(crate) fn forget(&self) {
        self.received.lock().unwrap().iter_mut().for_each(String::clear);
    }
}

async fn serve(mut stream: TcpStream, received: Received) {
    let place = {
        let mut received = received.lock().unwrap();
        received.push(String::new());
        received.len() - 1
    };
    let (mut buffer, mut pending) = (vec![0; 16 * 1024], String::new());
    loop {
        let read = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => String::from_utf8_lossy(&buffer[..read]).into_owned(),
        };
        received.lock().unwrap()[place].push_str(&read);
        pending.push_str(&read);
        while let Some((head, rest)) = pending.split_once("\r\n\r\n") {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            if path.starts_with("/whole") && rest.len() < length_of(head) {
                break;
            }
            let known = ANSWERS.iter().find(|(asked, _, _)| path.starts_with(asked));
            let is_head = head.starts_with("HEAD");
            // A body is not told from the next head, but nothing here sends one that contains an empty line.
            pending = if head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked") {
                match rest.split_once("0\r\n\r\n") {
                    Some((_, rest)) => rest.to_owned(),
                    None => break,
                }
            } else {
                rest.get(length_of(head)..).unwrap_or_default().to_owned()
            };
            let storm = if path == "/storm" { HINTS.repeat(1_000) } else { String::new() };
            if stream.write_all(storm.as_bytes()).await.is_err() {
                return;
            }
            let answer = known.map_or(USUAL, |(_, answer, _)| answer);
            let answer = if is_head { answer.split_inclusive("\r\n\r\n").next().unwrap_or_default() } else { answer };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            if known.is_some_and(|(_, _, last)| *last) {
                return;
            }
        }
    }
}

fn length_of(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.unwrap_or(0)
}
