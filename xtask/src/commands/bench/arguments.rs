//! What can be said about a measurement on the command line.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Try out the measuring itself: one short round, which says little about speed
    #[arg(long)]
    pub quick: bool,
    /// Measure only these, separated by commas
    #[arg(long, value_name = "NAME,...", value_enum, value_delimiter = ',', num_args = 1..)]
    only: Vec<Measure>,
    /// How often everything is measured [default: 5, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// How long each load lasts, in seconds [default: 2, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: Option<u32>,
    /// Compare with these only, separated by commas; further builds of ours are `ours:NAME=FOLDER`
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = subject, default_values = ["nginx", "haproxy", "rathole", "bore"])]
    peers: Vec<Subject>,
    /// Measure the programs in this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    pub bin_dir: Option<PathBuf>,
    /// An environment variable for both of our programs; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    pub ours_env: Vec<(String, String)>,
    /// Measure our programs once more with an environment variable, side by side with those without it; several
    /// times for several ones
    #[arg(long, value_name = "NAME:KEY=VALUE", value_parser = variant)]
    pub variant: Vec<Variant>,
    /// The telephone's `--connections`
    #[arg(long, value_name = "N")]
    pub connections: Option<u8>,
    /// The switchboard's `--data-threads`
    #[arg(long, value_name = "N")]
    pub threads: Option<u8>,
}

/// A measure, by the name under which the measuring program knows it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Small responses, one connection
    One,
    /// Small responses, 32 connections
    Many,
    /// Small responses, 256 connections
    Crowd,
    /// Small responses, a new connection for each, 32 at a time
    Fresh,
    /// Bodies of 64 KiB on 8 connections
    #[value(name = "64k")]
    Body64k,
    /// Bodies of 1 MiB on 8 connections
    #[value(name = "1m")]
    Body1m,
    /// One download of 64 MiB after the other
    Download,
    /// One upload of 64 MiB after the other
    Upload,
    /// WebSocket messages, 8 connections with 32 in flight each
    Websocket,
    /// What others keep of their throughput beside 500 who never read
    Stalled,
    /// Time to the first answer after the line between agent and server is cut
    Cut,
    /// Time to the first answer after that line goes dead without a word
    Freeze,
    /// Memory of idle programs, and with 1,000 idle clients
    Memory,
    /// Memory with 1,000 idle telephones
    Telephones,
    /// System calls per request
    Calls,
}

/// What our programs can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// nginx as a plain reverse proxy
    Nginx,
    /// HAProxy as a plain reverse proxy
    Haproxy,
    /// rathole, a tunnel for TCP
    Rathole,
    /// bore, a tunnel for TCP
    Bore,
}

/// Our programs in another setting.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What it is called in the tables.
    pub name: String,
    /// What makes it different.
    pub variable: (String, String),
}

#[derive(Clone, Debug)]
enum Subject {
    Peer(Peer),
    Ours { name: String, folder: PathBuf },
}

impl Arguments {
    /// How often everything is measured.
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// How long each load lasts, in seconds.
    pub fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(if self.quick { 1 } else { 2 })
    }

    /// The names of what is measured.
    pub fn measures(&self) -> Vec<String> {
        let all =
            Measure::value_variants().iter().filter(|measure| self.only.is_empty() || self.only.contains(measure));
        all.filter_map(|measure| Some(measure.to_possible_value()?.get_name().to_owned())).collect()
    }

    /// What to compare with.
    pub fn peers(&self) -> Vec<Peer> {
        let peer = |subject: &Subject| match subject {
            Subject::Peer(peer) => Some(*peer),
            Subject::Ours { .. } => None,
        };
        self.peers.iter().filter_map(peer).collect()
    }

    /// Further builds of ours, by name.
    pub fn other_builds(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.peers.iter().filter_map(|subject| match subject {
            Subject::Peer(_) => None,
            Subject::Ours { name, folder } => Some((name.as_str(), folder.as_path())),
        })
    }

    /// Whether this is the measurement whose outcome is kept: of everything, in the usual way.
    pub fn is_full(&self) -> bool {
        let usual = self.ours_env.is_empty() && self.connections.is_none() && self.threads.is_none();
        let all = self.only.is_empty() && Peer::value_variants().iter().all(|peer| self.peers().contains(peer));
        let alone = self.other_builds().next().is_none() && self.variant.is_empty();
        usual && all && alone && !self.quick && self.bin_dir.is_none()
    }
}

fn subject(text: &str) -> Result<Subject, String> {
    if let Some(build) = text.strip_prefix("ours:") {
        let (name, folder) = build.split_once('=').ok_or("a build of ours is written ours:NAME=FOLDER")?;
        return Ok(Subject::Ours { name: name.to_owned(), folder: PathBuf::from(folder) });
    }
    Peer::from_str(text, false).map(Subject::Peer).map_err(|_| {
        let names = Peer::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names = names.map(|name| name.get_name().to_owned()).collect::<Vec<_>>().join(", ");
        format!("use {names} or ours:NAME=FOLDER")
    })
}

fn variant(text: &str) -> Result<Variant, String> {
    let (name, setting) = text.split_once(':').ok_or("write NAME:KEY=VALUE")?;
    Ok(Variant { name: name.to_owned(), variable: variable(setting)? })
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
