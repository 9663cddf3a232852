//! bore, which has nothing to set.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use anyhow::Context;
use rand::Rng;
use tokio::{net::TcpStream, process::Command};

use super::{Parts, Way};
use crate::{ports, program::Program};

/// The port of bore's server, which cannot be chosen; the loopback address can.
const CONTROL: u16 = 7835;
const START: Duration = Duration::from_secs(5);

pub(super) async fn start(program: &Path, way: Way, origin: SocketAddr, folder: &Path) -> anyhow::Result<Parts> {
    let (control, address) = (control_address(), ports::free());
    let mut command = Command::new(program);
    command.args(["server", "--bind-addr", &control.ip().to_string()]);
    command.args(["--bind-tunnels", &address.ip().to_string()]).env("RUST_LOG", "error");
    let server = Program::start("bore-server", &mut command, folder)?;
    listening(control).await.context("bore's server does not listen")?;
    let (remote, relay) = way.lead(control, control_address()).await?;
    let mut command = Command::new(program);
    command.args(["local", &origin.port().to_string(), "--local-host", &origin.ip().to_string()]);
    command.args(["--to", &remote.ip().to_string(), "--port", &address.port().to_string()]);
    let client = Program::start("bore-client", command.env("RUST_LOG", "error"), folder)?;
    Ok(Parts { address, programs: vec![server, client], api: None, relay })
}

/// A loopback address on which bore's port is free.
fn control_address() -> SocketAddr {
    loop {
        let [a, b, c] = rand::rng().random::<[u8; 3]>().map(|byte| byte.clamp(1, 254));
        let address = SocketAddr::from((IpAddr::V4(Ipv4Addr::new(127, a, b, c)), CONTROL));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Its client gives up at once when the server does not listen yet.
async fn listening(address: SocketAddr) -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout(START, async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}
