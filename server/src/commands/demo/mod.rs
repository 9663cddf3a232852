//! `switchboard demo`: a whole switchboard to look at, which is gone without a trace at the end.
//!
//! All of it is real: the server, an account, a telephone, a web server behind it, and requests that come in where anybody's
//! do.

mod shop;
mod visitors;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use domain::{NewToken, Role};
use rand::Rng;
use rand::distr::Alphanumeric;
use server_core::Services;
use telephone::{Agent, AgentHandle, Target};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::signals::Signals;
use super::{Failure, exit};
use crate::app::App;
use crate::config::Config;
use crate::observe::panics;

/// The account.
const EMAIL: &str = "demo@example.com";
/// The subdomain of the tunnel.
const SHOP: &str = "shop";
/// The length of the password, in letters and digits.
const PASSWORD: usize = 16;

/// Serves until told to stop, and deletes everything.
pub(super) fn run(mut config: Config) -> Result<(), Failure> {
    panics::watch();
    let folder = tempfile::Builder::new()
        .prefix("switchboard-demo-")
        .tempdir()
        .map_err(|error| Failure::new(exit::OS, format!("no folder can be made for the data: {error}")))?;
    config.storage = config.storage.moved_to(folder.path());
    // Nobody watches it, and a server beside it may have the usual address.
    config.addresses.metrics_listen = None;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OS, format!("the threads cannot be started: {error}")))?;
    let outcome = runtime.block_on(show(config, folder.path()));
    runtime.shutdown_background();
    let deleted = folder.close();
    outcome?;
    deleted.map_err(|error| Failure::new(exit::OS, format!("the data could not be deleted: {error}")))
}

async fn show(config: Config, folder: &Path) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let app = App::build(config).await?;
    let (address, stop) = (app.address(), CancellationToken::new());
    let password: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD).map(char::from).collect();
    let token = account(app.services(), &password).await?;
    let dashboard = format!("{}/web", app.public_url().as_str().trim_end_matches('/'));
    let mut running = tokio::spawn(app.run(stop.clone()));

    let (shop, _shop) = shop::open().await.map_err(|error| not_begun(&error))?;
    let telephone = call(address, &token, shop)?;
    let tunnel = tokio::select! {
        ready = telephone.ready() => ready.map_err(|error| Failure::new(exit::FAILED, error.to_string()))?,
        ended = &mut running => return super::serve::outcome(ended),
    };
    let _visitors = AbortOnDropHandle::new(tokio::spawn(visitors::come(reachable(address), tunnel.public_url.clone())));
    announce(&dashboard, &password, &tunnel.public_url, folder);

    tokio::select! {
        ended = &mut running => return super::serve::outcome(ended),
        signal = signals.next() => tracing::info!(signal, "told to stop"),
    }
    tokio::select! {
        () = telephone.shutdown() => {}
        _ = signals.next() => {}
    }
    stop.cancel();
    super::serve::outcome(running.await)
}

/// Makes an administrator, and a token for the telephone.
async fn account(services: &Services, password: &str) -> Result<String, Failure> {
    let user = services.accounts().add(EMAIL, password, Role::Admin).await?;
    let viewer = services.accounts().viewer(user.id).await?;
    let viewer = viewer.ok_or_else(|| Failure::new(exit::FAILED, "the account is gone already"))?;
    let name = "demo".parse().map_err(|error| Failure::new(exit::FAILED, format!("the token has no name: {error}")))?;
    let new = NewToken { name, scope: domain::TokenScope::default(), expires_at: None };
    let (_, secret) = services.tokens().create(&viewer, new).await?;
    Ok(secret.expose().to_owned())
}

/// A telephone in this process, over a connection like any other's.
fn call(server: SocketAddr, token: &str, shop: SocketAddr) -> Result<AgentHandle, Failure> {
    let target = Target::parse(&shop.to_string()).map_err(|error| Failure::new(exit::FAILED, error.to_string()))?;
    let agent =
        Agent::builder(format!("http://{}", reachable(server)), token).target(target).subdomain(SHOP).name("demo");
    agent.start().map_err(|error| Failure::new(exit::FAILED, error.to_string()))
}

/// The address at which this machine reaches what listens there: on all addresses is on loopback, too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn not_begun(error: &io::Error) -> Failure {
    Failure::new(exit::OS, format!("the demo's web server cannot be started: {error}"))
}

fn announce(dashboard: &str, password: &str, tunnel: &str, folder: &Path) {
    let text = format!(
        "A switchboard to look at, with a web server behind a telephone, and visitors.\n\
         \n\
         \x20 Dashboard  {dashboard}\n\
         \x20 Account    {EMAIL}\n\
         \x20 Password   {password}\n\
         \x20 Tunnel     {tunnel}\n\
         \x20 Data       {}\n\
         \n\
         Ctrl-C ends it and deletes the data.\n",
        folder.display()
    );
    // A closed standard output is no reason not to go on.
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}
