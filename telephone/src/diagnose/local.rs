//! The local server.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Empty;
use http1::client::{Connection, Exchange};
use tokio::time::timeout;

use super::{Check, Found, LIMIT, Report};
use crate::net::{self, connect_tcp};
use crate::tls::{Tls, advice};
use crate::{Scheme, Target};

/// Asks it for `/`.
pub(super) async fn check<F: FnMut(Check)>(target: Option<&Target>, tls: Option<&Tls>, report: &mut Report<F>) {
    let began = Instant::now();
    let found = match target {
        None => Found::skip("no local server was named; give it as `telephone http` has it, for instance 3000"),
        Some(target) => match timeout(LIMIT, look(target, tls)).await {
            Ok(found) => found,
            Err(_) => {
                Found::fail(format!("{target} did not answer within 10 s"), "see what the local server is busy with")
            }
        },
    };
    report.add("local", began, found);
}

async fn look(target: &Target, tls: Option<&Tls>) -> Found {
    let connection = match connect(target, tls).await {
        Ok(connection) => connection,
        Err(found) => return found,
    };
    if matches!(target, Target::Tcp { scheme: Scheme::H2c, .. }) {
        return Found::ok(format!("{target} accepts connections"));
    }
    match ask(connection, target).await {
        Ok(status) if status.is_server_error() => {
            let text = format!("{target} answers / with {}", status.as_u16());
            Found::warn(text, "visitors get that answer; the local server's log says why")
        }
        Ok(status) => Found::ok(format!("{target} answers / with {}", status.as_u16())),
        Err(error) => {
            let advice = "see whether it speaks HTTP there, or needs https:// or h2c:// before its address";
            Found::fail(format!("{target} accepts connections, but does not answer: {error}"), advice)
        }
    }
}

async fn connect(target: &Target, tls: Option<&Tls>) -> Result<net::Socket, Found> {
    let unreachable = |error: std::io::Error| {
        let advice = "start the local server, or name the port that it listens on";
        Found::fail(format!("{target} cannot be reached: {error}"), advice)
    };
    let (host, port, scheme) = match target {
        Target::Tcp { host, port, scheme } => (host, *port, *scheme),
        #[cfg(unix)]
        Target::Unix(path) => {
            let stream = tokio::net::UnixStream::connect(path).await.map_err(unreachable)?;
            return Ok(Box::new(stream));
        }
        #[cfg(not(unix))]
        Target::Unix(_) => return Err(Found::fail("this system has no Unix sockets", "name a port")),
    };
    let connection: net::Socket = Box::new(connect_tcp(host, port, LIMIT).await.map_err(unreachable)?);
    match tls.filter(|_| scheme == Scheme::Https) {
        None => Ok(connection),
        Some(tls) => tls.connect(host, connection).await.map_err(|error| {
            let advice = match advice(&error).trim_start_matches("; ") {
                "" => "see whether it speaks TLS there; --insecure trusts any certificate",
                advice => advice,
            };
            Found::fail(format!("no secure connection to {target}: {error}"), advice)
        }),
    }
}

async fn ask(connection: net::Socket, target: &Target) -> Result<http::StatusCode, String> {
    let mut headers = HeaderMap::from_iter([
        (HOST, HeaderValue::try_from(target.authority()).map_err(|error| error.to_string())?),
        (CONNECTION, HeaderValue::from_static("close")),
    ]);
    let body = Empty::<Bytes>::new();
    let mut exchange = Exchange::new(Connection::new(connection), Method::GET, "/", &mut headers, body);
    loop {
        let response = exchange.response().await.map_err(|error| error.to_string())?;
        if !response.is_informational() {
            return Ok(response.status);
        }
    }
}
