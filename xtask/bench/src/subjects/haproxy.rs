//! HAProxy as a plain reverse proxy: one thread, connections to the origin kept and shared, no log.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::Command;

use super::Parts;
use crate::{ports, program::Program};

pub(super) fn start(program: &Path, origin: SocketAddr, folder: &Path) -> anyhow::Result<Parts> {
    let address = ports::free();
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration(address, origin))?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(&file);
    Ok(Parts::single(address, Program::start("haproxy", &mut command, folder)?))
}

fn configuration(address: SocketAddr, origin: SocketAddr) -> String {
    format!(
        "global
    nbthread 1
    maxconn 4096
    tune.bufsize 65536
defaults
    mode http
    option http-keep-alive
    option splice-auto
    http-reuse always
    timeout connect 10s
    timeout client 300s
    timeout server 300s
    timeout tunnel 300s
    timeout http-keep-alive 300s
frontend visitors
    bind {address} backlog 4096
    default_backend origin
backend origin
    server origin {origin} pool-max-conn 1024
"
    )
}
