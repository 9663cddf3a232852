//! `telephone config`.

use std::process::ExitCode;

use super::args::{Origins, StartArgs};
use super::exit::Failure;
use super::serve::Tunnel;
use super::start;

/// Says what `start` would serve.
pub(super) fn check(args: StartArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let (file, plan) = start::plan(args, origins)?;
    println!("{}: nothing is wrong with it. At {} it serves", file.path.display(), plan.connection.server);
    let width = plan.tunnels.iter().filter_map(|tunnel| tunnel.name.as_ref()).map(String::len).max().unwrap_or(0);
    for tunnel in &plan.tunnels {
        println!("  {:width$}  {}  {}", tunnel.name.as_deref().unwrap_or_default(), tunnel.target, place(tunnel));
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a tunnel will be reached, as far as that is known before the switchboard was asked.
fn place(tunnel: &Tunnel) -> String {
    let subdomain = tunnel.subdomain.as_ref();
    let mut place = subdomain.map_or_else(|| "at a random subdomain".to_owned(), |name| format!("at {name}"));
    if let Some(announced) = &tunnel.announcement {
        let (host, path) = (announced.host.as_deref(), announced.path.as_deref());
        match (host, path, announced.service.as_deref()) {
            (None, None, service) => place += &format!(", as a backend of {}", service.unwrap_or_default()),
            (host, path, _) => place += &format!(", and {}{}", host.unwrap_or("any host "), path.unwrap_or_default()),
        }
        if let Some(tag) = &announced.tag {
            place += &format!(" with the tag {tag}");
        }
    }
    place
}
