//! Local servers that are down, slow, or talk nonsense. Whatever they do, the visitor learns of it, the tunnel stays, and
//! the next request is answered as if nothing had been.

use std::sync::Arc;

use http::{Method, header};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::raw::{Connection, RawOrigin};
use crate::support::{Body, Client, Switchboard, full, within};
use crate::{SOON, telephone};

/// What a local server does when the head of a request has come.
#[derive(Clone)]
struct Fault {
    name: &'static str,
    method: Method,
    says: Says,
    then: Then,
    seen: Seen,
}

#[derive(Clone)]
enum Says {
    This(Vec<u8>),
    /// The first once and the second for ever.
    Endlessly(&'static [u8], &'static [u8]),
}

#[derive(Clone, Copy)]
enum Then {
    /// Waits for the next request on the same connection.
    Stays,
    Leaves,
    Resets,
}

/// What a visitor sees.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// An error of ours, with its code.
    Problem(u16, String),
    /// The beginning of a response that then breaks off.
    Part(u16),
    /// A response that ends properly.
    Whole(u16, String),
}

fn problem(status: u16, code: &str) -> Seen {
    Seen::Problem(status, code.to_owned())
}

fn whole(body: &str) -> Seen {
    Seen::Whole(200, body.to_owned())
}

fn fault(name: &'static str, says: impl AsRef<[u8]>, then: Then, seen: Seen) -> Fault {
    Fault { name, method: Method::GET, says: Says::This(says.as_ref().to_vec()), then, seen }
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// What breaks off, or never comes.
fn broken_off() -> Vec<Fault> {
    let broken = || problem(502, "local_broken");
    vec![
        fault("leaves without a word", "", Then::Leaves, broken()),
        fault("resets without a word", "", Then::Resets, broken()),
        fault("never answers", "", Then::Stays, problem(504, "gateway_timeout")),
        fault("leaves in the status line", "HTTP/1.1 20", Then::Leaves, broken()),
        fault("leaves in the head", format!("{OK}Content-Le"), Then::Leaves, broken()),
        fault("resets in the head", format!("{OK}Content-Le"), Then::Resets, broken()),
        fault("leaves after the head", format!("{OK}Content-Length: 9\r\n\r\n"), Then::Leaves, Seen::Part(200)),
        fault("resets after the head", format!("{OK}Content-Length: 9\r\n\r\n"), Then::Resets, Seen::Part(200)),
        fault("leaves in the body", format!("{OK}Content-Length: 9\r\n\r\n12345678"), Then::Leaves, Seen::Part(200)),
        fault("resets in the body", format!("{OK}Content-Length: 9\r\n\r\n12345678"), Then::Resets, Seen::Part(200)),
        fault(
            "leaves after a chunk",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
            Then::Leaves,
            Seen::Part(200),
        ),
        fault(
            "leaves in a chunk",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n9\r\nab"),
            Then::Leaves,
            Seen::Part(200),
        ),
        fault(
            "leaves before the last line",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"),
            Then::Leaves,
            Seen::Part(200),
        ),
        fault("resets a body without a length", format!("{OK}\r\nabc"), Then::Resets, Seen::Part(200)),
        fault("ends a body without a length", format!("{OK}\r\nabc"), Then::Leaves, whole("abc")),
    ]
}

/// What is not HTTP, or not any that could be passed on.
fn garbage() -> Vec<Fault> {
    let broken = || problem(502, "local_broken");
    let large = format!("{OK}X-Large: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("{OK}{}\r\n", "x: y\r\n".repeat(500));
    vec![
        fault("speaks another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Stays, broken()),
        fault("speaks no HTTP that there is", "HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Stays, broken()),
        fault("has no status", "HTTP/1.1 xx OK\r\n\r\n", Then::Stays, broken()),
        fault("has a field without a colon", format!("{OK}nonsense\r\n\r\n"), Then::Stays, broken()),
        fault("has NUL in a field", format!("{OK}X: a\0b\r\nContent-Length: 0\r\n\r\n"), Then::Stays, broken()),
        fault("has a large head", large, Then::Stays, broken()),
        fault("has many fields", many, Then::Stays, broken()),
        fault(
            "has no length that is a number",
            format!("{OK}Content-Length: ten\r\n\r\n0123456789"),
            Then::Stays,
            broken(),
        ),
        fault("has a negative length", format!("{OK}Content-Length: -1\r\n\r\n"), Then::Stays, broken()),
        fault(
            "has a length beyond all numbers",
            format!("{OK}Content-Length: 99999999999999999999\r\n\r\n"),
            Then::Stays,
            broken(),
        ),
        fault(
            "has two lengths",
            format!("{OK}Content-Length: 2\r\nContent-Length: 12\r\n\r\nok"),
            Then::Stays,
            broken(),
        ),
        fault(
            "has a length and chunks",
            format!("{OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            Then::Stays,
            broken(),
        ),
        fault(
            "has a chunk of no size",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n"),
            Then::Stays,
            Seen::Part(200),
        ),
        fault(
            "has a longer chunk than its size",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n"),
            Then::Stays,
            Seen::Part(200),
        ),
        fault(
            "switches protocols by itself",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: upgrade\r\n\r\n",
            Then::Stays,
            broken(),
        ),
        Fault {
            says: Says::Endlessly(OK.as_bytes(), b"X-More: and more\r\n"),
            ..fault("has an endless head", "", Then::Stays, broken())
        },
        Fault {
            says: Says::Endlessly(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
            ..fault("only ever announces", "", Then::Stays, problem(504, "gateway_timeout"))
        },
    ]
}

/// What leaves something behind that the next one must not get.
fn leftovers() -> Vec<Fault> {
    const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let storm = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(2_000);
    vec![
        fault("says more than its length", format!("{OK}Content-Length: 2\r\n\r\nok{EVIL}"), Then::Stays, whole("ok")),
        fault(
            "says more than its chunks",
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{EVIL}"),
            Then::Stays,
            whole("ok"),
        ),
        fault(
            "has a body with 204",
            format!("HTTP/1.1 204 No Content\r\nContent-Length: 43\r\n\r\n{EVIL}"),
            Then::Stays,
            Seen::Whole(204, String::new()),
        ),
        fault(
            "has a body with 304",
            format!("HTTP/1.1 304 Not Modified\r\n\r\n{EVIL}"),
            Then::Stays,
            Seen::Whole(304, String::new()),
        ),
        Fault {
            method: Method::HEAD,
            ..fault("has a body for HEAD", format!("{OK}Content-Length: 43\r\n\r\n{EVIL}"), Then::Stays, whole(""))
        },
        fault("announces a lot", format!("{storm}{OK}Content-Length: 2\r\n\r\nok"), Then::Stays, whole("ok")),
        fault(
            "has the same length twice",
            format!("{OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
            Then::Stays,
            whole("ok"),
        ),
    ]
}

async fn serve(faults: Arc<Vec<Fault>>, mut connection: Connection) {
    while let Some(head) = connection.head().await {
        let path = head.split(' ').nth(1).unwrap();
        let Ok(index) = path[1..].parse::<usize>() else {
            connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine").await;
            continue;
        };
        match &faults[index].says {
            Says::This(bytes) => drop(connection.write(bytes).await),
            Says::Endlessly(first, again) => {
                let again = again.repeat(64);
                let mut open = connection.write(first).await;
                while open {
                    open = connection.write(&again).await;
                }
            }
        }
        match faults[index].then {
            Then::Stays => {}
            Then::Leaves => return,
            Then::Resets => return connection.reset(),
        }
    }
}

async fn look(visitor: &Client, method: Method, path: &str) -> Seen {
    let response = visitor.send(visitor.request(method, path).body(Body::default()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    if let Some(code) = response.headers().get("x-switchboard-error") {
        return problem(status, code.to_str().unwrap());
    }
    assert!(response.headers().get_all(header::CONTENT_LENGTH).iter().count() < 2, "{:?}", response.headers());
    match response.into_body().collect().await {
        Ok(body) => Seen::Whole(status, String::from_utf8(body.to_bytes().to_vec()).unwrap()),
        Err(_) => Seen::Part(status),
    }
}

/// Lets a visitor see each of `faults`, and after each one that all is as well as before.
async fn survive(faults: Vec<Fault>) {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_RESPONSE_TIMEOUT", "2s")]).await;
    let faults = Arc::new(faults);
    let serving = faults.clone();
    let origin = RawOrigin::start(move |connection| serve(serving.clone(), connection)).await;
    let _telephone = telephone(&switchboard, "local", origin.address).await;
    let session = switchboard.tunnel("local").await["sessions"].clone();
    let visitor = switchboard.visitor("local");
    for (index, fault) in faults.iter().enumerate() {
        let what = format!("a local server that {}", fault.name);
        let seen = within(SOON, &what, look(&visitor, fault.method.clone(), &format!("/{index}"))).await;
        assert_eq!(seen, fault.seen, "{what}");
        for _ in 0..3 {
            let seen = within(SOON, &what, look(&visitor, Method::GET, "/fine")).await;
            assert_eq!(seen, whole("fine"), "after {what}");
        }
    }
    assert_eq!(switchboard.tunnel("local").await["sessions"][0]["id"], session[0]["id"]);
}

#[tokio::test]
async fn a_local_server_that_breaks_off_is_seen_to_break_off() {
    survive(broken_off()).await;
}

#[tokio::test]
async fn garbage_of_a_local_server_is_not_passed_on() {
    survive(garbage()).await;
}

#[tokio::test]
async fn nobody_gets_what_was_left_over_from_another_response() {
    survive(leftovers()).await;
}

#[tokio::test]
async fn leftovers_that_come_late_are_seen_as_well() {
    let switchboard = Switchboard::start().await;
    let (says, said) = mpsc::channel::<()>(1);
    let (done, mut written) = mpsc::channel::<()>(1);
    let said = Arc::new(tokio::sync::Mutex::new(said));
    let origin = RawOrigin::start(move |mut connection| {
        let (said, done) = (said.clone(), done.clone());
        async move {
            while let Some(head) = connection.head().await {
                connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine").await;
                if head.starts_with("GET /late ") {
                    said.lock().await.recv().await;
                    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
                    done.send(()).await.unwrap();
                }
            }
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "late", origin.address).await;
    let visitor = switchboard.visitor("late");
    for round in 0..20 {
        assert_eq!(look(&visitor, Method::GET, "/late").await, whole("fine"), "late {round}");
        says.send(()).await.unwrap();
        written.recv().await.unwrap();
        assert_eq!(look(&visitor, Method::GET, "/").await, whole("fine"), "after {round}");
    }
}

#[tokio::test]
async fn a_local_server_that_is_down_is_named_and_found_again() {
    let switchboard = Switchboard::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let _telephone = telephone(&switchboard, "down", address).await;
    let visitor = switchboard.visitor("down");
    assert_eq!(look(&visitor, Method::GET, "/").await, problem(502, "local_unreachable"));
    let listener = TcpListener::bind(address).await.unwrap();
    let served = tokio::spawn(async move {
        let mut connection = Connection::new(listener.accept().await.unwrap().0);
        connection.head().await.unwrap();
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback").await
    });
    assert_eq!(look(&visitor, Method::GET, "/").await, whole("back"));
    assert!(served.await.unwrap());
}

#[tokio::test]
async fn only_the_first_byte_of_an_answer_has_a_deadline() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_RESPONSE_TIMEOUT", "1s")]).await;
    let origin = RawOrigin::start(|mut connection| async move {
        connection.head().await.unwrap();
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await;
        for byte in b"slowly" {
            // Longer in all than the answer may take to begin.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            connection.write(&[*byte]).await;
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "slowly", origin.address).await;
    assert_eq!(look(&switchboard.visitor("slowly"), Method::GET, "/").await, whole("slowly"));
}

#[tokio::test]
async fn a_local_server_that_is_too_slow_is_told_to_stop() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_RESPONSE_TIMEOUT", "1s")]).await;
    let (left_at, mut left) = mpsc::channel(1);
    let origin = RawOrigin::start(move |mut connection| {
        let left_at = left_at.clone();
        async move {
            connection.head().await.unwrap();
            connection.gone().await;
            left_at.send(()).await.unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "slow", origin.address).await;
    assert_eq!(look(&switchboard.visitor("slow"), Method::GET, "/").await, problem(504, "gateway_timeout"));
    within(SOON, "the end of the local request", left.recv()).await.unwrap();
}

#[tokio::test]
async fn an_answer_before_the_request_is_whole_is_passed_on() {
    let switchboard = Switchboard::start().await;
    let origin = RawOrigin::start(|mut connection| async move {
        while let Some(head) = connection.head().await {
            let answer: &[u8] = match head.starts_with("PUT ") {
                true => b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
                false => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
            };
            connection.write(answer).await;
            if head.starts_with("PUT ") {
                // As servers do it: an answer would be lost with a connection that is closed on unread bytes.
                return connection.gone().await;
            }
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "early", origin.address).await;
    let visitor = switchboard.visitor("early");
    for size in [1, 1_000, 50_000] {
        let request = visitor.request(Method::PUT, "/").body(full("x".repeat(size))).unwrap();
        let response = within(SOON, "the early answer", visitor.send(request)).await.unwrap();
        assert_eq!(response.status(), 413, "{size}");
        assert_eq!(look(&visitor, Method::GET, "/").await, whole("fine"));
    }
}
