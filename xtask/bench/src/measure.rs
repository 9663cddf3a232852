//! What is measured in each round.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    load::{
        bulk::{self, Bulk},
        echo, stalled, wrk,
    },
    origin,
    plan::Plan,
    subjects::Running,
};

/// One kind of load or fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Small responses, one connection.
    One,
    /// Small responses, 32 connections.
    Many,
    /// Small responses, 256 connections.
    Crowd,
    /// Small responses, a new connection for each, 32 at a time.
    Fresh,
    /// Bodies of 64 KiB on 8 connections.
    #[serde(rename = "64k")]
    Body64k,
    /// Bodies of 1 MiB on 8 connections.
    #[serde(rename = "1m")]
    Body1m,
    /// One download of 64 MiB after the other.
    Download,
    /// One upload of 64 MiB after the other.
    Upload,
    /// WebSocket messages, 8 connections with 32 in flight each.
    Websocket,
    /// Bodies of 1 MiB on 8 connections, beside 500 that never read.
    Stalled,
    /// The line between agent and server is cut.
    Cut,
    /// The line between agent and server goes dead without a word.
    Freeze,
    /// Memory of idle programs, and with 1,000 idle clients.
    Memory,
    /// Memory with 1,000 idle telephones.
    Telephones,
    /// System calls per request.
    Calls,
}

/// What a measure tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Requests or messages a second.
    Rate,
    /// The median time to an answer, in microseconds.
    P50,
    /// What 99 of 100 answers took at most, in microseconds.
    P99,
    /// CPU seconds per 100,000 requests or messages.
    Cpu,
    /// Bytes of bodies, in MB (10⁶) a second.
    Speed,
    /// CPU seconds per GB (10⁹) of bodies.
    CpuPerGb,
    /// Until the first answer, in seconds; infinite when none came.
    Seconds,
    /// Memory of the idle server, in MiB.
    IdleServer,
    /// Memory of the idle agent, in MiB.
    IdleAgent,
    /// What an idle client adds on the server, in KiB.
    ClientServer,
    /// What an idle client adds on the agent, in KiB.
    ClientAgent,
    /// What an idle telephone adds on the server, in KiB.
    TelephoneServer,
    /// System calls per request.
    Calls,
    /// What is left of a throughput, as a share of it.
    Share,
}

/// The figures of one measure on one subject.
pub type Figures = Vec<(Figure, f64)>;

impl Measure {
    /// Whether it loads a subject that goes on running, so that rounds can be interleaved.
    pub fn is_load(self) -> bool {
        !matches!(self, Self::Cut | Self::Freeze | Self::Memory | Self::Telephones | Self::Calls)
    }

    /// Loads the subject once; no figures for a measure that is no load.
    ///
    /// # Errors
    /// When the subject fails under the load.
    pub async fn load(self, plan: &Plan, subject: &Running) -> anyhow::Result<Figures> {
        let requests = |connections, fresh| requests(plan, subject, wrk::Load { connections, fresh });
        let time = Duration::from_secs(plan.seconds.into());
        match self {
            Self::One => requests(1, false).await,
            Self::Many => requests(32, false).await,
            Self::Crowd => requests(256, false).await,
            Self::Fresh => requests(32, true).await,
            Self::Body64k => bodies(subject, bulk::download(subject, origin::BODY_64K, 8, time)).await,
            Self::Body1m => bodies(subject, bulk::download(subject, origin::BODY_1M, 8, time)).await,
            Self::Download => bodies(subject, bulk::download(subject, origin::BODY_64M, 1, time)).await,
            Self::Upload => bodies(subject, bulk::upload(subject, time)).await,
            Self::Websocket => messages(subject, time).await,
            Self::Stalled => Ok(vec![(Figure::Share, stalled::share(subject, time).await?)]),
            Self::Cut | Self::Freeze | Self::Memory | Self::Telephones | Self::Calls => Ok(Figures::new()),
        }
    }
}

async fn requests(plan: &Plan, subject: &Running, load: wrk::Load) -> anyhow::Result<Figures> {
    let before = subject.cpu()?;
    let seen = wrk::run(&plan.wrk, subject, load, plan.seconds).await?;
    if seen.errors > 0 {
        eprintln!("  {}: {} connections failed, of {} requests", subject.name, seen.errors, seen.requests);
    }
    let mut figures = vec![(Figure::Rate, seen.rate), (Figure::P50, seen.p50), (Figure::P99, seen.p99)];
    let cpu = subject.cpu()? - before;
    push_cpu(&mut figures, subject, Figure::Cpu, cpu * 1e5 / seen.requests);
    Ok(figures)
}

async fn bodies(subject: &Running, load: impl Future<Output = anyhow::Result<Bulk>>) -> anyhow::Result<Figures> {
    let before = subject.cpu()?;
    let bulk = load.await?;
    let mut figures = vec![(Figure::Speed, bulk.bytes / 1e6 / bulk.seconds)];
    let cpu = subject.cpu()? - before;
    push_cpu(&mut figures, subject, Figure::CpuPerGb, cpu * 1e9 / bulk.bytes);
    Ok(figures)
}

async fn messages(subject: &Running, time: Duration) -> anyhow::Result<Figures> {
    let before = subject.cpu()?;
    let (messages, seconds) = echo::run(subject, time).await?;
    let mut figures = vec![(Figure::Rate, messages / seconds)];
    let cpu = subject.cpu()? - before;
    push_cpu(&mut figures, subject, Figure::Cpu, cpu * 1e5 / messages);
    Ok(figures)
}

/// The origin's own time is nobody's.
fn push_cpu(figures: &mut Figures, subject: &Running, figure: Figure, seconds: f64) {
    if !subject.programs.is_empty() {
        figures.push((figure, seconds));
    }
}
