//! What is measured, each set up at its best on free loopback ports.

mod bore;
mod haproxy;
mod nginx;
mod ours;
mod rathole;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use tempfile::TempDir;

use crate::{
    api::Api,
    http::Connection,
    origin::SMALL,
    plan::{Build, Peer, PeerKind, Plan, Settings},
    program::Program,
    relay::Relay,
};

/// How long a subject may take until it answers.
const START: Duration = Duration::from_secs(20);
/// How long one attempt to get an answer may take meanwhile.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// What nginx with two workers is called in the tables.
pub const TWO: &str = "nginx, 2 workers";

/// Something to measure.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is called in the tables.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    how: How,
}

/// What a subject is to the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The origin itself.
    Direct,
    /// A reverse proxy beside the origin.
    Proxy,
    /// A tunnel of somebody else.
    Tunnel,
    /// A tunnel of ours.
    Ours,
    /// Ours as a reverse proxy beside the origin, without a telephone.
    OurProxy,
}

impl Kind {
    /// Whether there is a line between two programs that can break.
    pub fn has_line(self) -> bool {
        matches!(self, Self::Tunnel | Self::Ours)
    }
}

#[derive(Clone, Debug)]
enum How {
    Direct,
    Peer(Peer),
    /// So many workers.
    Nginx(Peer, usize),
    Ours(Build, Settings),
    OurProxy(Build, Settings),
}

/// A subject that answers. What was started for it ends when this is dropped.
pub struct Running {
    /// What it is called in the tables.
    pub name: String,
    /// Where visitors connect.
    pub address: SocketAddr,
    /// What they send as `Host`.
    pub host: String,
    /// The programs, the one that visitors connect to first.
    pub programs: Vec<Program>,
    /// For ours: the account that the tunnel belongs to.
    pub api: Option<Api>,
    /// The network between agent and server, where there is one that can be harmed.
    pub relay: Option<Relay>,
    _folder: TempDir,
}

/// What a subject consists of once it is started.
struct Parts {
    address: SocketAddr,
    programs: Vec<Program>,
    api: Option<Api>,
    relay: Option<Relay>,
}

impl Parts {
    /// A program without a line.
    fn single(address: SocketAddr, program: Program) -> Self {
        Self { address, programs: vec![program], api: None, relay: None }
    }
}

/// How an agent reaches its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Straight,
    Relayed,
}

impl Way {
    /// Where the agent has to connect to reach `server`: itself, or a relay that listens on `via`.
    async fn lead(self, server: SocketAddr, via: SocketAddr) -> std::io::Result<(SocketAddr, Option<Relay>)> {
        match self {
            Self::Straight => Ok((server, None)),
            Self::Relayed => {
                let relay = Relay::start(via, server).await?;
                Ok((relay.address, Some(relay)))
            }
        }
    }
}

/// All subjects of a plan.
pub fn of(plan: &Plan) -> Vec<Subject> {
    let direct = Subject { name: "direct".to_owned(), kind: Kind::Direct, how: How::Direct };
    let peers = plan.peers.iter().map(|peer| {
        let kind = match peer.kind {
            PeerKind::Nginx | PeerKind::Haproxy => Kind::Proxy,
            PeerKind::Rathole | PeerKind::Bore => Kind::Tunnel,
        };
        Subject { name: peer.kind.name().to_owned(), kind, how: How::Peer(peer.clone()) }
    });
    let nginx = plan.peers.iter().find(|peer| peer.kind == PeerKind::Nginx);
    let two = nginx.map(|peer| Subject { name: TWO.to_owned(), kind: Kind::Proxy, how: How::Nginx(peer.clone(), 2) });
    let ours = plan.ours.iter().flat_map(|build| {
        let (tunnel, proxy) = (build.clone(), build.clone());
        let tunnel = How::Ours(tunnel, plan.settings.clone());
        let proxy = How::OurProxy(proxy, plan.settings.clone());
        [
            Subject { name: build.name.clone(), kind: Kind::Ours, how: tunnel },
            Subject { name: format!("{} to an address", build.name), kind: Kind::OurProxy, how: proxy },
        ]
    });
    std::iter::once(direct).chain(peers).chain(two).chain(ours).collect()
}

impl Subject {
    /// Starts it in front of the origin and waits until it answers.
    ///
    /// # Errors
    /// When a program cannot be started, ends, or does not answer in time.
    pub async fn start(&self, origin: SocketAddr) -> anyhow::Result<Running> {
        self.start_by(Way::Straight, origin).await
    }

    /// As [`start`](Self::start), with a network between agent and server that can be harmed.
    ///
    /// # Errors
    /// As there.
    pub async fn start_with_relay(&self, origin: SocketAddr) -> anyhow::Result<Running> {
        self.start_by(Way::Relayed, origin).await
    }

    async fn start_by(&self, way: Way, origin: SocketAddr) -> anyhow::Result<Running> {
        let starting = async {
            let mut running = self.launch(way, origin).await?;
            running.until_it_answers().await?;
            anyhow::Ok(running)
        };
        starting.await.with_context(|| format!("{} cannot be measured", self.name))
    }

    async fn launch(&self, way: Way, origin: SocketAddr) -> anyhow::Result<Running> {
        let folder = tempfile::Builder::new().prefix("switchboard-bench-").tempdir()?;
        let path = folder.path();
        let parts = match &self.how {
            How::Direct => Parts { address: origin, programs: Vec::new(), api: None, relay: None },
            How::Peer(peer) => match peer.kind {
                PeerKind::Nginx => nginx::start(&peer.program, 1, origin, path)?,
                PeerKind::Haproxy => haproxy::start(&peer.program, origin, path)?,
                PeerKind::Rathole => rathole::start(&peer.program, way, origin, path).await?,
                PeerKind::Bore => bore::start(&peer.program, way, origin, path).await?,
            },
            How::Nginx(peer, workers) => nginx::start(&peer.program, *workers, origin, path)?,
            How::Ours(build, settings) => ours::start(build, settings, way, origin, path).await?,
            How::OurProxy(build, settings) => ours::start_proxy(build, settings, origin, path).await?,
        };
        let Parts { address, programs, api, relay } = parts;
        let host = match self.kind {
            Kind::Ours => format!("{}.localhost:{}", ours::SUBDOMAIN, address.port()),
            Kind::OurProxy => ours::DOMAIN.to_owned(),
            _ => address.to_string(),
        };
        Ok(Running { name: self.name.clone(), address, host, programs, api, relay, _folder: folder })
    }
}

impl Running {
    /// The CPU time that its programs have used, in seconds.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        self.programs.iter().map(Program::cpu).sum()
    }

    async fn until_it_answers(&mut self) -> anyhow::Result<()> {
        let answered = tokio::time::timeout(START, async {
            while !matches!(tokio::time::timeout(ATTEMPT, self.get()).await, Ok(Ok(200))) {
                self.programs.iter_mut().try_for_each(Program::check)?;
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(())
        });
        match answered.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let words = self.programs.iter().map(|program| format!("{}: {}", program.name(), program.last_words()));
                anyhow::bail!("no answer within {START:?}; {}", words.collect::<Vec<_>>().join("; "))
            }
        }
    }

    async fn get(&self) -> std::io::Result<u16> {
        Connection::open(self.address).await?.get(&self.host, SMALL).await
    }
}
