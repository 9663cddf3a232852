//! `switchboard health`: made for `HEALTHCHECK` and the like, which run it beside the server with the same settings.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::HOST};
use http_body_util::Empty;
use http1::client::{Connection, Exchange};
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

use super::{Failure, block_on, exit};
use crate::config::Config;

/// Below the three seconds after which container engines usually give up by themselves, saying nothing.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let address = reachable(config.addresses.listen);
    if address.port() == 0 {
        return Err(Failure::new(
            exit::FAILED,
            "listen has port 0, so nobody knows which port the server took; set a port",
        ));
    }
    block_on(async {
        let problem = match timeout(PATIENCE, ask(address)).await {
            Ok(Ok(StatusCode::OK)) => {
                println!("alive at http://{address}");
                return Ok(());
            }
            Ok(Ok(status)) => format!("it answered {status}; is something else listening there?"),
            Ok(Err(error)) => format!("{error}; is it running with the same settings?"),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        Err(Failure::new(exit::FAILED, format!("the server at http://{address} is not alive: {problem}")))
    })
}

/// What listens on every address of the machine is asked at its loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::try_from(address.to_string())?)]);
    let body = Empty::<Bytes>::new();
    let mut exchange = Exchange::new(Connection::new(stream), Method::GET, "/healthz", &mut headers, body);
    Ok(exchange.response().await?.status)
}
