//! What programs keep in memory while nothing happens.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use telephone::{Agent, AgentHandle, Target};

use crate::{
    http::Connection,
    measure::{Figure, Figures},
    origin::SMALL,
    program::Program,
    subjects::{Running, Subject},
};

/// How many clients or telephones are idle.
const IDLE: usize = 1000;
/// How many are opened at once.
const BATCH: usize = 50;
/// How many telephones share a tunnel and its token: an account has fewer of both than there are telephones here.
const TELEPHONES_A_TUNNEL: usize = 10;
/// How long a telephone may take to be connected.
const OPENING: Duration = Duration::from_secs(30);
/// How long programs are left alone before they are looked at.
const CALM: Duration = Duration::from_secs(2);
const KIB: f64 = 1024.0;

/// The memory of a program that has just been started, and what each of 1,000 clients adds whose connections are idle.
///
/// # Errors
/// When it cannot be started, or fails a client.
pub async fn clients(subject: &Subject, origin: SocketAddr) -> anyhow::Result<Figures> {
    let running = subject.start(origin).await?;
    tokio::time::sleep(CALM).await;
    let before = each(&running)?;
    let mut clients = Vec::with_capacity(IDLE);
    for _ in 0..IDLE / BATCH {
        clients.extend(try_join_all((0..BATCH).map(|_| client(&running))).await?);
    }
    tokio::time::sleep(CALM).await;
    let after = each(&running)?;
    let idle = [Figure::IdleServer, Figure::IdleAgent];
    let client = [Figure::ClientServer, Figure::ClientAgent];
    let idle = idle.into_iter().zip(before.iter().map(|bytes| bytes / KIB / KIB));
    let added = after.iter().zip(&before).map(|(after, before)| (after - before) / IDLE as f64 / KIB);
    Ok(idle.chain(client.into_iter().zip(added)).collect())
}

async fn client(subject: &Running) -> anyhow::Result<Connection> {
    let mut connection = Connection::small(subject.address).await?;
    match connection.get(&subject.host, SMALL).await? {
        200 => Ok(connection),
        status => bail!("a client was answered {status}"),
    }
}

/// What each of 1,000 idle telephones adds to the memory of our server.
///
/// # Errors
/// When the server cannot be started, or refuses a telephone.
pub async fn telephones(subject: &Subject, origin: SocketAddr) -> anyhow::Result<Figures> {
    let mut running = subject.start(origin).await?;
    let url = format!("http://localhost:{}", running.address.port());
    let api = running.api.as_mut().context("it has no account")?;
    let mut tokens = Vec::new();
    for _ in 0..IDLE / TELEPHONES_A_TUNNEL {
        tokens.push(api.token().await?);
    }
    tokio::time::sleep(CALM).await;
    let server = running.programs.first().context("it has no server")?;
    let before = server.memory()?;
    let target = Target::parse(&origin.to_string())?;
    let mut agents = Vec::with_capacity(IDLE);
    let numbers: Vec<_> = (0..IDLE).collect();
    for batch in numbers.chunks(BATCH) {
        let starting = batch.iter().map(|number| {
            let tunnel = number / TELEPHONES_A_TUNNEL;
            dial(&url, &tokens[tunnel], tunnel, target.clone())
        });
        agents.extend(try_join_all(starting).await?);
    }
    tokio::time::sleep(CALM).await;
    Ok(vec![(Figure::TelephoneServer, (server.memory()? - before) / IDLE as f64 / KIB)])
}

async fn dial(url: &str, token: &str, tunnel: usize, target: Target) -> anyhow::Result<AgentHandle> {
    let agent = Agent::builder(url, token).target(target).subdomain(format!("idle-{tunnel}")).start()?;
    tokio::time::timeout(OPENING, agent.ready()).await.context("a telephone was not connected in time")??;
    Ok(agent)
}

/// The memory of each of its programs, in bytes.
fn each(running: &Running) -> anyhow::Result<Vec<f64>> {
    running.programs.iter().map(Program::memory).collect()
}
