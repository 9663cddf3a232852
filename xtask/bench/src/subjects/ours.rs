//! A switchboard with its data in a new folder: with a telephone that serves a tunnel of it, or with a domain that leads
//! to an address.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use tokio::{net::TcpStream, process::Command};

use super::{Parts, Way};
use crate::{
    api::Api,
    plan::{Build, Settings},
    ports,
    program::Program,
};

/// The tunnel's subdomain.
pub const SUBDOMAIN: &str = "bench";
/// The domain that leads to an address.
pub const DOMAIN: &str = "bench.test";
const START: Duration = Duration::from_secs(20);

pub(super) async fn start(
    build: &Build,
    settings: &Settings,
    way: Way,
    origin: SocketAddr,
    folder: &Path,
) -> anyhow::Result<Parts> {
    let address = ports::free();
    // The first one makes the account. The second one has the memory of a server that nobody has signed in to: what
    // hashing a password takes, and leaves behind, would hide what clients and telephones take.
    let first = serve(build, settings, address, folder).await?;
    let mut api = Api::register(address).await?;
    let token = api.token().await?;
    first.end().await?;
    let switchboard = serve(build, settings, address, folder).await?;
    api.reconnect(address).await?;

    let (server, relay) = way.lead(address, ports::free()).await?;
    let mut command = clean(&build.telephone, build, settings);
    command.args(["http", &origin.to_string(), "--subdomain", SUBDOMAIN]);
    command.args(["--server", &format!("http://localhost:{}", server.port())]);
    command.env("TELEPHONE_TOKEN", token).current_dir(folder);
    if let Some(connections) = settings.connections {
        command.args(["--connections", &connections.to_string()]);
    }
    let telephone = Program::start("telephone", &mut command, folder)?;
    Ok(Parts { address, programs: vec![switchboard, telephone], api: Some(api), relay })
}

/// A switchboard that passes requests on to the origin itself.
pub(super) async fn start_proxy(
    build: &Build,
    settings: &Settings,
    origin: SocketAddr,
    folder: &Path,
) -> anyhow::Result<Parts> {
    let address = ports::free();
    let first = serve(build, settings, address, folder).await?;
    let mut api = Api::register(address).await?;
    api.lead(DOMAIN, origin).await?;
    first.end().await?;
    // For the same reason as above.
    let switchboard = serve(build, settings, address, folder).await?;
    Ok(Parts::single(address, switchboard))
}

/// Starts a switchboard and waits until it listens.
async fn serve(build: &Build, settings: &Settings, address: SocketAddr, folder: &Path) -> anyhow::Result<Program> {
    let mut command = clean(&build.switchboard, build, settings);
    command.args(["--listen", &address.to_string(), "--metrics-listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(folder).current_dir(folder);
    if let Some(threads) = settings.threads {
        command.args(["--data-threads", &threads.to_string()]);
    }
    let mut switchboard = Program::start("switchboard", &mut command, folder)?;
    listening(address, &mut switchboard).await?;
    Ok(switchboard)
}

/// A command that sees none of the settings that the user may have in the environment for other purposes.
fn clean(program: &Path, build: &Build, settings: &Settings) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SWITCHBOARD_") || text.starts_with("TELEPHONE_") {
            command.env_remove(&name);
        }
    }
    let variables = settings.environment.iter().chain(&build.environment);
    command.envs(variables.map(|(name, value)| (name, value)));
    command
}

async fn listening(address: SocketAddr, program: &mut Program) -> anyhow::Result<()> {
    let listening = tokio::time::timeout(START, async {
        while TcpStream::connect(address).await.is_err() {
            program.check()?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    });
    listening.await.context("the switchboard does not listen")?
}
