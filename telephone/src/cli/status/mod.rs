//! `telephone status`: how the telephones of this user are, told by themselves.

mod report;
#[cfg(unix)]
mod socket;

use std::process::ExitCode;

use serde_json::json;

use super::args::StatusArgs;
use super::exit::{self, Failure};
pub(super) use report::{Report, TunnelReport};
#[cfg(unix)]
pub(super) use socket::Teller;

/// Says how they are.
#[cfg(unix)]
pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let reports = socket::ask_all();
    if args.json {
        println!("{:#}", json!({ "telephones": reports }));
    } else if reports.is_empty() {
        println!("No telephone of yours runs on this machine.");
    } else {
        reports.iter().flat_map(Report::lines).for_each(|line| println!("{line}"));
    }
    let good = !reports.is_empty() && reports.iter().all(Report::is_online);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(exit::DIAGNOSED) })
}

/// Says that it cannot say anything.
#[cfg(not(unix))]
pub(super) fn run(_: &StatusArgs) -> Result<ExitCode, Failure> {
    Err(Failure::usage("telephones are asked over Unix sockets, which this system has not"))
}
