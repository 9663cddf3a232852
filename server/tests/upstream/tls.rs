//! Backends behind TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::server::Builder;
use http::{HeaderValue, Method};
use http_body_util::Full;
use server::upstream::{Answer, Common, ConnectError, ConnectPolicy, IfLost, Settings, Trust, Upstream, UpstreamError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use crate::asking::{answer, common, get, head};
use crate::certificates::Authority;
use crate::http2_origin::{Http2Origin, ok};

/// A server of HTTP/1.1 over TLS that gives each connection to `serve`.
async fn secure<F, A>(acceptor: TlsAcceptor, serve: F) -> (u16, AbortOnDropHandle<()>)
where
    F: Fn(TlsStream<TcpStream>) -> A + Clone + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            connections.spawn(async move {
                // Whoever does not like the certificate leaves.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    (port, AbortOnDropHandle::new(task))
}

async fn head_of(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn pages(mut stream: TlsStream<TcpStream>) {
    while head_of(&mut stream).await.is_some() {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        stream.flush().await.unwrap();
    }
}

fn trusting(authority: &Authority, address: String, verify: bool) -> Upstream {
    let trust = Arc::new(Trust::of([authority.certificate.clone()]));
    let common = Common { trust, ..common(Settings::default()) };
    Upstream::new(address.parse().unwrap(), verify, ConnectPolicy::Anything, &common)
}

#[tokio::test]
async fn a_certificate_has_to_be_for_the_host_and_from_somebody_who_is_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (localhost, _a) = secure(ours.acceptor("localhost", &["http/1.1"]), pages).await;
    let (address, _b) = secure(ours.acceptor("127.0.0.1", &[]), pages).await;
    let (other, _c) = secure(ours.acceptor("other.example", &[]), pages).await;
    for url in [format!("https://localhost:{localhost}"), format!("https://127.0.0.1:{address}")] {
        let upstream = trusting(&ours, url.clone(), true);
        assert_eq!(get(&upstream).await.unwrap().1, "ok", "{url}");
        assert_eq!(get(&upstream).await.unwrap().1, "ok", "{url}");
        assert_eq!(upstream.connections().open, 1);
    }
    for (authority, port, advice) in [
        (&theirs, localhost, "nobody this machine trusts"),
        (&ours, address, "a name that its certificate is for"),
        (&ours, other, "a name that its certificate is for"),
    ] {
        let url = format!("https://localhost:{port}");
        let failed = get(&trusting(authority, url.clone(), true)).await.unwrap_err();
        assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Tls { .. })), "{failed:?}");
        assert!(failed.error.to_string().contains(advice), "{}", failed.error);
        assert!(!failed.error.may_have_arrived());
        // Without verification anybody will do.
        assert_eq!(get(&trusting(authority, url, false)).await.unwrap().1, "ok");
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_as_that() {
    let origin = crate::raw::RawOrigin::start(async |mut connection| {
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.gone().await;
    })
    .await;
    let failed = get(&trusting(&Authority::new(), format!("https://{}", origin.address), false)).await.unwrap_err();
    assert!(failed.error.to_string().contains("does not speak TLS"), "{}", failed.error);
}

#[tokio::test]
async fn http2_is_spoken_where_the_backend_prefers_it() {
    let authority = Authority::new();
    let tls = authority.acceptor("localhost", &["h2", "http/1.1"]);
    let origin = Http2Origin::with(Some(tls), Builder::new(), async |request, mut respond| {
        assert_eq!(request.uri(), "https://app.example/");
        ok(&mut respond).send_data("ok".into(), true).unwrap();
    })
    .await;
    let upstream = trusting(&authority, format!("https://localhost:{}", origin.address.port()), true);
    for answered in join_all((0..50).map(|_| get(&upstream))).await {
        assert_eq!(answered.unwrap().1, "ok");
    }
    assert_eq!(origin.accepted(), 1);
}

#[tokio::test]
async fn many_who_come_at_once_learn_that_it_is_http1() {
    let authority = Authority::new();
    let (port, _task) = secure(authority.acceptor("localhost", &["http/1.1"]), pages).await;
    let upstream = trusting(&authority, format!("https://localhost:{port}"), true);
    for answered in join_all((0..20).map(|_| get(&upstream))).await {
        assert_eq!(answered.unwrap().1, "ok");
    }
    assert!(upstream.connections().idle > 1);
}

#[tokio::test]
async fn an_upgrade_goes_over_http1_even_if_the_backend_prefers_http2() {
    let authority = Authority::new();
    let (port, _task) = secure(authority.acceptor("localhost", &["h2", "http/1.1"]), async |mut stream| {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let head = head_of(&mut stream).await.unwrap();
        assert!(head.contains("upgrade: echo\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello").await.unwrap();
        stream.flush().await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let upstream = trusting(&authority, format!("https://localhost:{port}"), true);
    let mut asked = head(Method::GET, "/");
    asked.upgrade = Some(HeaderValue::from_static("echo"));
    let answered = upstream.request(&mut asked, None::<Full<Bytes>>, IfLost::SendAgain, |_, _| {}).await.unwrap();
    let Answer::Upgraded(_, mut io) = answered else { panic!("{answered:?}") };
    let mut said = String::new();
    io.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "hello");
}

#[tokio::test]
async fn the_end_of_a_request_does_not_stay_behind() {
    // The backend begins to read when the network is full. Of many sizes, some have their last record stuck behind it.
    const SIZES: [usize; 2] = [2 * 1024 * 1024, 5 * 1024 * 1024];
    let authority = Authority::new();
    let (port, _task) = secure(authority.acceptor("localhost", &[]), async |mut stream| {
        let head = head_of(&mut stream).await.unwrap();
        let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
        let mut left: usize = length.parse().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut piece = vec![0; 4096];
        while left > 0 {
            left -= stream.read(&mut piece).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
    })
    .await;
    let upstream = trusting(&authority, format!("https://localhost:{port}"), true);
    let asked = (SIZES[0]..SIZES[1]).step_by(48 * 1024).map(async |size| {
        let mut asked = head(Method::PUT, "/");
        asked.headers.insert(http::header::CONTENT_LENGTH, size.into());
        let body = Full::new(Bytes::from(vec![b'x'; size]));
        answer(&upstream, asked, Some(body)).await.unwrap().0.status.as_u16()
    });
    let answered = tokio::time::timeout(Duration::from_secs(20), join_all(asked)).await.unwrap();
    assert!(answered.iter().all(|status| *status == 200));
}
