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

/// How many idle clients or telephones are counted.
const IDLE: usize = 1000;
/// How many clients are opened at once, and how many are there before the counting begins.
const BATCH: usize = 50;
/// How many telephones share a tunnel and its token: an account has fewer of both than there are telephones here.
const TELEPHONES_A_TUNNEL: usize = 10;
/// How long a telephone may take to be connected.
const OPENING: Duration = Duration::from_secs(30);
/// How long programs are left alone before they are looked at.
const CALM: Duration = Duration::from_secs(2);
const KIB: f64 = 1024.0;

/// The memory of a program that has just been started, and what each client adds whose connection is idle.
///
/// The first clients are not counted: with them come code and tables that serve all of them.
///
/// # Errors
/// When it cannot be started, or fails a client.
pub async fn clients(subject: &Subject, origin: SocketAddr) -> anyhow::Result<Figures> {
    let running = subject.start(origin).await?;
    tokio::time::sleep(CALM).await;
    let started = each(&running)?;
    let mut clients = batch(&running).await?;
    tokio::time::sleep(CALM).await;
    let before = each(&running)?;
    while clients.len() < IDLE + BATCH {
        clients.extend(batch(&running).await?);
    }
    tokio::time::sleep(CALM).await;
    let after = each(&running)?;
    let idle = [Figure::IdleServer, Figure::IdleAgent];
    let client = [Figure::ClientServer, Figure::ClientAgent];
    let idle = idle.into_iter().zip(started.iter().map(|bytes| bytes / KIB / KIB));
    let added = after.iter().zip(&before).map(|(after, before)| (after - before) / IDLE as f64 / KIB);
    Ok(idle.chain(client.into_iter().zip(added)).collect())
}

async fn batch(subject: &Running) -> anyhow::Result<Vec<Connection>> {
    try_join_all((0..BATCH).map(|_| client(subject))).await
}

async fn client(subject: &Running) -> anyhow::Result<Connection> {
    let mut connection = Connection::small(subject.address).await?;
    match connection.get(&subject.host, SMALL).await? {
        200 => Ok(connection),
        status => bail!("a client was answered {status}"),
    }
}

/// What each idle telephone adds to the memory of our server. The first ones are not counted, as with clients.
///
/// # Errors
/// When the server cannot be started, or refuses a telephone.
pub async fn telephones(subject: &Subject, origin: SocketAddr) -> anyhow::Result<Figures> {
    let mut running = subject.start(origin).await?;
    let url = format!("http://localhost:{}", running.address.port());
    let api = running.api.as_mut().context("it has no account")?;
    let server = running.programs.first().context("it has no server")?;
    let target = Target::parse(&origin.to_string())?;
    let (mut agents, mut before) = (Vec::new(), 0.0);
    for tunnel in 0..(IDLE + BATCH) / TELEPHONES_A_TUNNEL {
        if agents.len() == BATCH {
            tokio::time::sleep(CALM).await;
            before = server.memory()?;
        }
        let token = api.token().await?;
        let starting = (0..TELEPHONES_A_TUNNEL).map(|_| dial(&url, &token, tunnel, target.clone()));
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
