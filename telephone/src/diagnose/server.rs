//! The way to the switchboard, up to the token.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, DATE, HOST};
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Empty;
use http1::client::{Connection, Exchange};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use wire::control::{AuthChallenge, Control, ErrorCode, Init, Join, Limits, Metadata};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Check, Found, LIMIT, Report, Subject};
use crate::ServerUrl;
use crate::agent::handshake::{self, HandshakeError};
use crate::line::{Socket, opening};
use crate::net;
use crate::tls::{Tls, advice};

/// A certificate that is valid for less than this needs a look.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// A clock that is further off makes certificates and signatures fail.
const CLOCK_OFF: Duration = Duration::from_secs(30);
/// A round trip that is longer is felt with each request.
const SLOW: Duration = Duration::from_millis(300);

/// The checks after the one of the name, in order.
const CHECKS: [&str; 7] = ["tcp", "tls", "http", "clock", "websocket", "version", "token"];

/// Makes them until one fails that the others need.
pub(super) async fn check<F: FnMut(Check)>(subject: &Subject, tls: Option<&Tls>, report: &mut Report<F>) {
    let server = &subject.server;
    let began = Instant::now();
    let addresses = match look_up(server).await {
        Ok(addresses) => addresses,
        Err(found) => return stop(report, "name", began, found, &CHECKS),
    };
    let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    report.add("name", began, Found::ok(format!("{} is {}", server.host, shown.join(", "))));

    let began = Instant::now();
    let tcp = match connect(&addresses).await {
        Ok((tcp, address)) => {
            report.add("tcp", began, Found::ok(format!("{address} accepts connections")));
            tcp
        }
        Err(found) => return stop(report, "tcp", began, found, &CHECKS[1..]),
    };

    let began = Instant::now();
    let connection: net::Socket = match tls.filter(|_| server.tls) {
        None => {
            report.add("tls", began, without_tls(&addresses));
            Box::new(tcp)
        }
        Some(tls) => match timeout(LIMIT, tls.connect_shown(&server.host, Box::new(tcp))).await {
            Ok(Ok((connection, certificate))) => {
                report.add("tls", began, certificate.map_or_else(|| Found::ok("secure"), |shown| validity(&shown)));
                connection
            }
            Ok(Err(error)) => {
                let advice = advice(&error).trim_start_matches("; ").to_owned();
                return stop(
                    report,
                    "tls",
                    began,
                    failed(format!("no secure connection: {error}"), advice),
                    &CHECKS[2..],
                );
            }
            Err(_) => {
                let found =
                    Found::fail("the TLS handshake took longer than 10 s", "see whether a firewall is on the way");
                return stop(report, "tls", began, found, &CHECKS[2..]);
            }
        },
    };

    let began = Instant::now();
    match timeout(LIMIT, ask(connection, server)).await {
        Ok(Ok((status, headers))) => {
            let took = began.elapsed();
            report.add("http", began, round_trip(status, took));
            report.add("clock", Instant::now(), clock(&headers, took));
        }
        Ok(Err(error)) => {
            let found = Found::fail(format!("it does not speak HTTP: {error}"), "check the port of --server");
            return stop(report, "http", began, found, &CHECKS[3..]);
        }
        Err(_) => {
            let found =
                Found::fail("no answer to a request within 10 s", "see whether the switchboard is well (/healthz)");
            return stop(report, "http", began, found, &CHECKS[3..]);
        }
    }
    line(subject, tls, &addresses, report).await;
}

fn stop<F: FnMut(Check)>(
    report: &mut Report<F>,
    check: &'static str,
    began: Instant,
    found: Found,
    rest: &[&'static str],
) {
    report.add(check, began, found);
    report.skip(rest, &format!("{check} failed"));
}

fn failed(text: String, advice: String) -> Found {
    let advice = if advice.is_empty() { "check the address in --server".to_owned() } else { advice };
    Found::fail(text, advice)
}

async fn look_up(server: &ServerUrl) -> Result<Vec<SocketAddr>, Found> {
    let advice = "check the spelling of --server, and that this machine's DNS works (another name, for instance)";
    match timeout(LIMIT, lookup_host((server.host.as_str(), server.port))).await {
        Ok(Ok(found)) => {
            let addresses: Vec<_> = found.collect();
            if addresses.is_empty() {
                return Err(Found::fail(format!("{} has no address", server.host), advice));
            }
            Ok(addresses)
        }
        Ok(Err(error)) => Err(Found::fail(format!("{} cannot be looked up: {error}", server.host), advice)),
        Err(_) => Err(Found::fail(format!("{} was not looked up within 10 s", server.host), advice)),
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Found> {
    let mut problems = Vec::new();
    let share = LIMIT / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => problems.push(format!("{address}: {error}")),
            Err(_) => problems.push(format!("{address}: no answer within {share:?}")),
        }
    }
    let advice = "see whether the switchboard runs and listens there (--listen), whether the port is right, and whether a \
                  firewall is on the way";
    Err(Found::fail(problems.join("; "), advice))
}

fn without_tls(addresses: &[SocketAddr]) -> Found {
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        return Found::skip("none, and none is needed: the switchboard is on this machine");
    }
    let advice = "use an https:// address: whoever is on the way reads the token and all requests";
    Found::warn("the connection is not secure", advice)
}

/// Until when a certificate is good; that it is good now, the handshake has shown.
fn validity(certificate: &CertificateDer<'_>) -> Found {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Found::ok("secure; its certificate does not say until when");
    };
    let until = parsed.validity().not_after;
    let left = until.timestamp().saturating_sub(seconds(SystemTime::now()));
    let text = format!("secure; its certificate is valid until {} ({} days)", until, left / 86_400);
    if left < EXPIRES_SOON.as_secs().cast_signed() {
        return Found::warn(text, "have the certificate renewed");
    }
    Found::ok(text)
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// Asks whether the server is well.
async fn ask(connection: net::Socket, server: &ServerUrl) -> Result<(http::StatusCode, HeaderMap), String> {
    let mut headers = HeaderMap::from_iter([
        (HOST, HeaderValue::try_from(server.authority()).map_err(|error| error.to_string())?),
        (CONNECTION, HeaderValue::from_static("close")),
    ]);
    let body = Empty::<Bytes>::new();
    let mut exchange = Exchange::new(Connection::new(connection), Method::GET, "/healthz", &mut headers, body);
    loop {
        let response = exchange.response().await.map_err(|error| error.to_string())?;
        if !response.is_informational() {
            return Ok((response.status, response.headers));
        }
    }
}

fn round_trip(status: http::StatusCode, took: Duration) -> Found {
    let text = format!("/healthz was answered with {} in {:.1} ms", status.as_u16(), took.as_secs_f64() * 1e3);
    if took > SLOW {
        let advice = "each request takes this long besides; a switchboard that is nearer would help";
        return Found::warn(text, advice);
    }
    Found::ok(text)
}

fn clock(headers: &HeaderMap, took: Duration) -> Found {
    let date =
        headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(date) = date else { return Found::skip("the server does not say what time it is") };
    let now = SystemTime::now();
    let (off, word) = match now.duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    // The server's date is cut to a second, and was on its way.
    if off <= took + Duration::from_secs(2) {
        return Found::ok("this machine and the server agree on what time it is");
    }
    let text = format!("this machine's clock is {} s {word} the server's", off.as_secs());
    match off > CLOCK_OFF {
        true => Found::warn(text, "set the clock right (NTP): certificates and signatures depend on it"),
        false => Found::ok(text),
    }
}

/// The WebSocket and what is said over it.
async fn line<F: FnMut(Check)>(subject: &Subject, tls: Option<&Tls>, addresses: &[SocketAddr], report: &mut Report<F>) {
    let began = Instant::now();
    let opened = timeout(LIMIT, open(subject, tls, addresses)).await;
    let (mut socket, challenge) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(found)) => return stop(report, "websocket", began, found, &CHECKS[5..]),
        Err(_) => {
            let found =
                Found::fail("it was not opened within 10 s", "see whether a proxy on the way passes WebSockets on");
            return stop(report, "websocket", began, found, &CHECKS[5..]);
        }
    };
    report.add("websocket", began, Found::ok(format!("opened; it is {}", challenge.server)));

    let versions = challenge.versions.join(", ");
    if !challenge.versions.iter().any(|version| version == wire::VERSION) {
        let text = format!("the server speaks {versions}, this telephone {}", wire::VERSION);
        return stop(report, "version", Instant::now(), Found::fail(text, "update the older of the two"), &CHECKS[6..]);
    }
    report.add(
        "version",
        Instant::now(),
        Found::ok(format!("the server speaks {versions}; {} is used", wire::VERSION)),
    );

    let began = Instant::now();
    let found = match timeout(LIMIT, sign_in(&mut socket, subject)).await {
        Ok(found) => found,
        Err(_) => {
            Found::fail("the server did not say within 10 s whether it is good", "see whether its database is well")
        }
    };
    report.add("token", began, found);
}

async fn open(
    subject: &Subject,
    tls: Option<&Tls>,
    addresses: &[SocketAddr],
) -> Result<(Socket<net::Socket>, AuthChallenge), Found> {
    let server = &subject.server;
    let (tcp, _) = connect(addresses).await?;
    let mut connection: net::Socket = Box::new(tcp);
    if let Some(tls) = tls.filter(|_| server.tls) {
        let secure = tls.connect(&server.host, connection).await;
        connection = secure.map_err(|error| failed(format!("no secure connection: {error}"), String::new()))?;
    }
    let proxy =
        "see whether --server is a switchboard, and whether a proxy in front of it passes WebSockets on (Upgrade)";
    let opened = handshake::open(connection, &server.authority(), "/tunnel").await;
    let mut socket = opened.map_err(|error| match error {
        HandshakeError::Status(status) => Found::fail(format!("/tunnel was answered with {}", status.as_u16()), proxy),
        error => Found::fail(error.to_string(), proxy),
    })?;
    match opening::receive(&mut socket).await {
        Ok(Control::AuthChallenge(challenge)) => Ok((socket, challenge)),
        Ok(_) => Err(Found::fail("it opens a WebSocket, but is no switchboard", proxy)),
        Err(error) => Err(Found::fail(format!("it opens a WebSocket, but: {error}"), proxy)),
    }
}

/// Asks to join a session that there is not: only whoever has a good token is told so, and nothing is served.
async fn sign_in(socket: &mut Socket<net::Socket>, subject: &Subject) -> Found {
    let none = || "diagnose".to_owned();
    let init = Init {
        version: wire::VERSION.to_owned(),
        token: subject.token.clone(),
        local_url: subject.target.as_ref().map(ToString::to_string).unwrap_or_else(none),
        metadata: Metadata::default(),
        subdomain: None,
        services: Vec::new(),
        resume: None,
        join: Some(Join { session_id: none(), resume: none() }),
        limits: Limits::default(),
        heads: false,
    };
    let busy = "try again shortly; the server's log says more";
    if let Err(error) = opening::send(socket, &Control::Init(init)).await {
        return Found::fail(error.to_string(), busy);
    }
    match opening::receive(socket).await {
        Ok(Control::Error(refusal)) if refusal.code == ErrorCode::SessionGone => Found::ok("it is accepted"),
        Ok(Control::Error(refusal)) if refusal.code == ErrorCode::AccountDeactivated => {
            Found::fail(refusal.message, "ask an administrator of the server to reactivate it")
        }
        Ok(Control::Error(refusal)) if refusal.code.is_token() => {
            Found::fail(refusal.message, "create a token in the dashboard under Tokens, then run `telephone login`")
        }
        Ok(Control::Error(refusal)) => Found::fail(format!("{} ({})", refusal.message, refusal.code), busy),
        Ok(_) => Found::fail("the server gave an answer that does not fit", "update the older of the two"),
        Err(error) => Found::fail(error.to_string(), busy),
    }
}
