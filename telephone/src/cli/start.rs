//! `telephone start`.

use std::process::ExitCode;

use super::args::{LogFormat, Origins, StartArgs};
use super::exit::Failure;
use super::file::{self, File};
use super::serve::{self, Plan, Tunnel};
use super::settings;

pub(super) fn run(args: StartArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let (_, plan) = plan(args, origins)?;
    serve::run(plan)
}

/// What is to be served, by the file that it stands in, with what was named otherwise in place of what that says.
pub(super) fn plan(args: StartArgs, origins: &Origins) -> Result<(File, Plan), Failure> {
    let mut file = file::load(&file::choose(args.config)?)?;
    let tunnels = chosen(std::mem::take(&mut file.tunnels), &args.tunnels)?;
    let given = settings::given(args.server, &args.token, origins)?;
    let connection = given.or(|| file.given())?.complete()?;
    let plan = Plan {
        connection,
        ca_file: file.ca_file.clone(),
        name: file.name.clone(),
        region: file.region.clone(),
        log_format: args.log_format.or(file.log_format).unwrap_or(LogFormat::Text),
        log_level: args.log_level.or(file.log_level),
        tunnels,
    };
    file.warn_of_readers();
    Ok((file, plan))
}

/// Those tunnels that are wanted, or all when none is named.
fn chosen(tunnels: Vec<Tunnel>, wanted: &[String]) -> Result<Vec<Tunnel>, Failure> {
    let names: Vec<_> = tunnels.iter().filter_map(|tunnel| tunnel.name.clone()).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !names.contains(wanted)) {
        let near = file::nearest(unknown, names.iter().map(String::as_str));
        let hint = near.map_or_else(|| format!("it has {}", names.join(", ")), |near| format!("did you mean {near}?"));
        return Err(Failure::usage(format!("the file has no tunnel {unknown:?}; {hint}")));
    }
    let is_wanted =
        |tunnel: &Tunnel| wanted.is_empty() || tunnel.name.as_ref().is_some_and(|name| wanted.contains(name));
    Ok(tunnels.into_iter().filter(is_wanted).collect())
}
