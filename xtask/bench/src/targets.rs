//! What is to be reached, and whether it was.

use crate::{
    measure::{Figure, Measure},
    results::{Key, Results},
    subjects::{Kind, Subject, TWO},
};

/// What a figure is held against.
#[derive(Clone, Copy)]
enum Against {
    /// Nothing: it is a number by itself.
    Nothing,
    /// The same figure of this subject, as a ratio.
    Named(&'static str),
    /// The same figure of the tunnel that is hardest to beat, as a ratio.
    BestTunnel,
    /// The same figure of the origin, as a difference.
    Direct,
}

/// A bound on a figure.
struct Target {
    name: &'static str,
    key: Key,
    against: Against,
    bound: Bound,
    unit: &'static str,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Against::{BestTunnel, Direct, Named, Nothing};
use Bound::{AtLeast, AtMost};

const fn target(name: &'static str, key: Key, against: Against, bound: Bound, unit: &'static str) -> Target {
    Target { name, key, against, bound, unit }
}

const NGINX: Against = Named("nginx");
const NGINX_2: Against = Named(TWO);
const RATHOLE: Against = Named("rathole");

const TARGETS: &[Target] = &[
    target("requests/s, 32 connections", (Measure::Many, Figure::Rate), NGINX, AtLeast(1.2), ""),
    target("requests/s, 32 connections", (Measure::Many, Figure::Rate), BestTunnel, AtLeast(1.1), ""),
    target("requests/s, 256 connections", (Measure::Crowd, Figure::Rate), NGINX, AtLeast(1.8), ""),
    target("requests/s, 256 connections", (Measure::Crowd, Figure::Rate), BestTunnel, AtLeast(1.2), ""),
    target("requests/s, a new connection each, 32", (Measure::Fresh, Figure::Rate), NGINX, AtLeast(1.1), ""),
    target("requests/s, a new connection each, 32", (Measure::Fresh, Figure::Rate), BestTunnel, AtLeast(2.5), ""),
    target("p99 at 32 connections", (Measure::Many, Figure::P99), BestTunnel, AtMost(0.5), ""),
    target("added p50 at one connection", (Measure::One, Figure::P50), Direct, AtMost(90.0), " µs"),
    target("CPU per 100,000 requests, 32 connections", (Measure::Many, Figure::Cpu), RATHOLE, AtMost(0.8), ""),
    target("CPU per 100,000 requests, 32 connections", (Measure::Many, Figure::Cpu), NGINX, AtMost(1.4), ""),
    target("64 KiB bodies, 8 connections", (Measure::Body64k, Figure::Speed), NGINX, AtLeast(0.95), ""),
    target("1 MiB bodies, 8 connections", (Measure::Body1m, Figure::Speed), NGINX, AtLeast(0.75), ""),
    target("CPU per GB, 64 KiB bodies", (Measure::Body64k, Figure::CpuPerGb), Nothing, AtMost(1.0), " s"),
    target("CPU per GB, 1 MiB bodies", (Measure::Body1m, Figure::CpuPerGb), Nothing, AtMost(1.0), " s"),
    target("one 64 MiB download", (Measure::Download, Figure::Speed), NGINX, AtLeast(0.95), ""),
    target("one 64 MiB upload", (Measure::Upload, Figure::Speed), NGINX, AtLeast(1.4), ""),
    target("WebSocket echo, 8 × 32 in flight", (Measure::Websocket, Figure::Rate), NGINX, AtLeast(0.65), ""),
    target("throughput kept beside 500 who never read", (Measure::Stalled, Figure::Share), Nothing, AtLeast(0.9), ""),
    target("memory of the idle server", (Measure::Memory, Figure::IdleServer), Nothing, AtMost(30.0), " MiB"),
    target("… per idle client", (Measure::Memory, Figure::ClientServer), Nothing, AtMost(10.0), " KiB"),
    target("… per idle telephone", (Measure::Telephones, Figure::TelephoneServer), Nothing, AtMost(25.0), " KiB"),
    target("first answer after a cut", (Measure::Cut, Figure::Seconds), Nothing, AtMost(0.05), " s"),
    target("first answer after a silent freeze", (Measure::Freeze, Figure::Seconds), Nothing, AtMost(5.0), " s"),
];

/// What is to be reached without a telephone.
const PROXY_TARGETS: &[Target] = &[
    target("requests/s, 32 connections", (Measure::Many, Figure::Rate), NGINX, AtLeast(1.3), ""),
    target("requests/s, 32 connections", (Measure::Many, Figure::Rate), NGINX_2, AtLeast(0.9), ""),
    target("requests/s, 256 connections", (Measure::Crowd, Figure::Rate), NGINX, AtLeast(1.3), ""),
    target("requests/s, 256 connections", (Measure::Crowd, Figure::Rate), NGINX_2, AtLeast(0.9), ""),
    target("CPU per 100,000 requests, 32 connections", (Measure::Many, Figure::Cpu), NGINX, AtMost(1.3), ""),
    target("requests/s, a new connection each, 32", (Measure::Fresh, Figure::Rate), NGINX, AtLeast(1.1), ""),
    target("1 MiB bodies, 8 connections", (Measure::Body1m, Figure::Speed), NGINX, AtLeast(0.9), ""),
    target("p99 at 32 connections", (Measure::Many, Figure::P99), NGINX, AtMost(1.0), ""),
];

/// The targets as markdown tables: what was not measured is left out.
pub fn markdown(subjects: &[Subject], results: &Results) -> String {
    let table = |of: &str, kind: Kind, targets: &[Target]| {
        let ours = subjects.iter().position(|subject| subject.kind == kind)?;
        let rows: Vec<_> = targets.iter().filter_map(|target| target.row(ours, subjects, results)).collect();
        let rows = Some(rows.concat()).filter(|rows| !rows.is_empty())?;
        Some(format!("| {of}: to reach | bound | reached | |\n| --- | --- | ---: | --- |\n{rows}\n"))
    };
    let tunnel = table("tunnel", Kind::Ours, TARGETS);
    let proxy = table("to an address", Kind::OurProxy, PROXY_TARGETS);
    tunnel.into_iter().chain(proxy).collect()
}

impl Target {
    fn row(&self, ours: usize, subjects: &[Subject], results: &Results) -> Option<String> {
        let reached = self.reached(ours, subjects, results)?;
        let (words, bound, met) = match self.bound {
            AtLeast(bound) => ("≥", bound, reached >= bound),
            AtMost(bound) => ("≤", bound, reached <= bound),
        };
        let (times, unit) = match self.against {
            Nothing => (String::new(), self.unit.to_owned()),
            Direct => (String::new(), format!("{} over direct", self.unit)),
            Named(name) => (" ×".to_owned(), format!(" {name}")),
            BestTunnel => (" ×".to_owned(), " the best tunnel".to_owned()),
        };
        let decimals = if reached >= 10.0 { 0 } else { 2 };
        let met = if met { "met" } else { "**missed**" };
        let name = self.name;
        Some(format!("| {name} | {words} {bound}{times}{unit} | {reached:.decimals$}{times}{} | {met} |\n", self.unit))
    }

    fn reached(&self, ours: usize, subjects: &[Subject], results: &Results) -> Option<f64> {
        let named = |name: &str| subjects.iter().position(|subject| subject.name == name);
        match self.against {
            Nothing => results.median(self.key, ours),
            Named(name) => results.ratio(self.key, ours, named(name)?),
            Direct => results.paired(self.key, ours, named("direct")?, |ours, direct| ours - direct),
            BestTunnel => {
                let tunnels = (0..subjects.len()).filter(|subject| subjects[*subject].kind == Kind::Tunnel);
                let ratios = tunnels.filter_map(|tunnel| results.ratio(self.key, ours, tunnel));
                match self.bound {
                    AtLeast(_) => ratios.min_by(f64::total_cmp),
                    AtMost(_) => ratios.max_by(f64::total_cmp),
                }
            }
        }
    }
}
