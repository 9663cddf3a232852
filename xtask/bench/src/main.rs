//! Measures Switchboard against other proxies and tunnels, all on this machine and over the loopback interface.
//!
//! `cargo xtask bench` builds and installs what is needed and starts this program with a plan. Everything that is
//! started here ends with it, whatever the reason of its end.

mod api;
mod calls;
mod document;
mod http;
mod load;
mod machine;
mod measure;
mod memory;
mod origin;
mod plan;
mod ports;
mod program;
mod recovery;
mod relay;
mod report;
mod results;
mod rounds;
mod subjects;
mod targets;

use std::process::ExitCode;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::plan::Plan;

/// Sockets for 1,000 idle clients and as many telephones, with the ends of both that are here.
const MIN_FILES: u64 = 8192;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread: what this program itself does must not take more than one of the machine's cores.
fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match std::env::args().nth(1).as_deref() {
        Some(origin::COMMAND) => runtime.block_on(origin::serve()),
        Some(plan) => {
            let plan = serde_json::from_str(plan).context("the plan is not what `cargo xtask bench` writes")?;
            runtime.block_on(carry_out(plan))
        }
        None => bail!("use `cargo xtask bench`: it builds what is measured and starts this program with a plan"),
    }
}

/// Dropping what runs ends the programs it has started.
async fn carry_out(plan: Plan) -> anyhow::Result<()> {
    let files = rlimit::increase_nofile_limit(u64::MAX).context("cannot ask for more open files")?;
    if files < MIN_FILES {
        bail!("only {files} files may be open: raise the limit to {MIN_FILES} with `ulimit -n`");
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        outcome = rounds::run(&plan) => outcome,
        _ = interrupt.recv() => bail!("interrupted; everything that was started has been stopped"),
        _ = terminate.recv() => bail!("told to stop; everything that was started has been stopped"),
    }
}
