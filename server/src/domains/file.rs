//! The proof by a file that the host serves.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use http1::client::{Connection, Exchange, ExchangeError};
use tokio::net::TcpStream;

use super::names::{LookupError, Names};
use super::record::shown;
use crate::upstream::{ConnectPolicy, PolicyError};

/// How much is read of the file, bytes.
const MOST: usize = 4 * 1024;
/// How many addresses of a host are tried.
const ADDRESSES: usize = 4;
/// How many informational responses are waited through.
const INFORMATIONAL: usize = 8;

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("switchboard-verification/", env!("CARGO_PKG_VERSION")));

/// Where a file is looked for.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) path: &'a str,
}

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoFile {
    #[error("the host has no address")]
    NoAddress,
    #[error("the host could not be looked up: {0}")]
    Lookup(LookupError),
    #[error("the host leads to {0}, where files are not looked for: {1}")]
    Inside(IpAddr, PolicyError),
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    #[error("the server did not answer as it should: {0}")]
    Exchange(String),
    #[error("the server answered {0} to {1}; redirects are not followed, so serve the file at this very address")]
    Redirect(StatusCode, String),
    #[error("the server answered {0} instead of 200")]
    Status(StatusCode),
    #[error("the file is longer than 4 KiB")]
    TooLong,
}

/// Reads the file. Whoever waits for it sets the limit of time.
pub(super) async fn read(names: &Names, policy: &ConnectPolicy, place: &Place<'_>) -> Result<Bytes, NoFile> {
    let addresses = names.addresses(place.host).await.map_err(|error| match error {
        LookupError::NoSuchName | LookupError::NoRecord => NoFile::NoAddress,
        other => NoFile::Lookup(other),
    })?;
    let stream = connect(policy, &addresses, place.port).await?;
    ask(stream, place).await
}

/// Connects to the first address that can be reached. One that may not be is no reason to try another: whoever wants
/// to be asked there has put it among them.
async fn connect(policy: &ConnectPolicy, addresses: &[IpAddr], port: u16) -> Result<TcpStream, NoFile> {
    let addresses = || addresses.iter().take(ADDRESSES).map(|ip| SocketAddr::new(*ip, port));
    for address in addresses() {
        let may = match policy.check(address) {
            // This node itself is what a domain leads to that is ready to be used; at an address that everybody reaches.
            Err(PolicyError::Own(_)) => policy.check_network(address.ip()),
            may => may,
        };
        may.map_err(|error| NoFile::Inside(address.ip(), error))?;
    }
    let mut failed = NoFile::NoAddress;
    for address in addresses() {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = NoFile::Connect(address, error),
        }
    }
    Err(failed)
}

async fn ask(stream: TcpStream, place: &Place<'_>) -> Result<Bytes, NoFile> {
    let host = HeaderValue::try_from(place.host).map_err(|error| NoFile::Exchange(error.to_string()))?;
    let mut headers = HeaderMap::from_iter([
        (HOST, host),
        (USER_AGENT, USER_AGENT_VALUE),
        (ACCEPT, HeaderValue::from_static("text/plain, */*;q=0.5")),
        (CONNECTION, HeaderValue::from_static("close")),
    ]);
    let mut exchange =
        Exchange::new(Connection::new(stream), Method::GET, place.path, &mut headers, Empty::<Bytes>::new());
    let failed = |error: ExchangeError<_>| NoFile::Exchange(error.to_string());
    let mut response = exchange.response().await.map_err(failed)?;
    let mut skipped = 0;
    while response.is_informational() {
        skipped += 1;
        if skipped > INFORMATIONAL {
            return Err(NoFile::Exchange("it sends informational responses only".to_owned()));
        }
        response = exchange.response().await.map_err(failed)?;
    }
    if response.status.is_redirection() {
        let to = response.headers.get(LOCATION).map_or_else(|| "nowhere".to_owned(), |to| shown(to.as_bytes()));
        return Err(NoFile::Redirect(response.status, to));
    }
    if response.status != StatusCode::OK {
        return Err(NoFile::Status(response.status));
    }
    match Limited::new(exchange, MOST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(NoFile::TooLong),
        Err(error) => Err(NoFile::Exchange(error.to_string())),
    }
}
