//! rathole over plain TCP, without delay.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::Command;

use super::{Parts, Way};
use crate::{ports, program::Program};

pub(super) async fn start(program: &Path, way: Way, origin: SocketAddr, folder: &Path) -> anyhow::Result<Parts> {
    let (control, address) = (ports::free(), ports::free());
    let (remote, relay) = way.lead(control, ports::free()).await?;
    let run = |name, side: &str, configuration: String| {
        let file = folder.join(format!("{name}.toml"));
        fs::write(&file, configuration)?;
        let mut command = Command::new(program);
        command.arg(side).arg(&file).env("RUST_LOG", "error");
        Program::start(name, &mut command, folder)
    };
    let server = format!(
        "[server]
bind_addr = \"{control}\"
default_token = \"bench\"
[server.transport]
type = \"tcp\"
[server.transport.tcp]
nodelay = true
[server.services.web]
bind_addr = \"{address}\"
nodelay = true
"
    );
    let client = format!(
        "[client]
remote_addr = \"{remote}\"
default_token = \"bench\"
[client.transport]
type = \"tcp\"
[client.transport.tcp]
nodelay = true
[client.services.web]
local_addr = \"{origin}\"
nodelay = true
"
    );
    let server = run("rathole-server", "--server", server)?;
    let client = run("rathole-client", "--client", client)?;
    Ok(Parts { address, programs: vec![server, client], api: None, relay })
}
