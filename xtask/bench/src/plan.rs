//! What is to be measured, as `cargo xtask bench` hands it over.

use std::path::PathBuf;

use serde::Deserialize;

use crate::measure::Measure;

/// What is to be measured, and with which programs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How often everything is measured.
    pub rounds: usize,
    /// How long each load lasts, in seconds.
    pub seconds: u32,
    /// Whether this only tries out the measuring itself: nothing is warmed up, nothing is waited for long.
    pub quick: bool,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// The builds of our own programs; the first one is what the targets are about.
    pub ours: Vec<Build>,
    /// Settings for our own programs.
    pub settings: Settings,
    /// What they are compared with.
    pub peers: Vec<Peer>,
    /// Names of peers that are missing, each with how to get it.
    pub missing: Vec<String>,
    /// What our programs were built from, as git calls it.
    pub revision: String,
    /// The load generator `wrk`.
    pub wrk: PathBuf,
    /// `strace`, where it is installed.
    pub strace: Option<PathBuf>,
    /// The document whose table is to be replaced; `None` for a run that is not the full one.
    pub document: Option<PathBuf>,
}

/// A build of our own programs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// What it is called in the tables.
    pub name: String,
    /// The server.
    pub switchboard: PathBuf,
    /// The agent.
    pub telephone: PathBuf,
    /// Environment variables that only it has, for both.
    pub environment: Vec<(String, String)>,
}

/// Settings for our own programs; those not given are left to the programs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The telephone's `--connections`.
    pub connections: Option<u8>,
    /// The server's `--data-threads`.
    pub threads: Option<u8>,
    /// Environment variables for both.
    pub environment: Vec<(String, String)>,
}

/// Another product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Which one.
    pub kind: PeerKind,
    /// Its program.
    pub program: PathBuf,
    /// Its version.
    pub version: String,
}

/// The products that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerKind {
    /// nginx as a plain reverse proxy.
    Nginx,
    /// HAProxy as a plain reverse proxy.
    Haproxy,
    /// rathole, a tunnel for TCP.
    Rathole,
    /// bore, a tunnel for TCP.
    Bore,
}

impl PeerKind {
    /// What it is called in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Rathole => "rathole",
            Self::Bore => "bore",
        }
    }
}
