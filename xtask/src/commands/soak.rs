//! `cargo xtask soak`

use crate::{
    binaries::{self, With},
    flavour::Flavour,
    process,
    workspace::Workspace,
};

/// As `cargo xtask run` and `test` build it.
const FLAVOUR: Flavour = Flavour::Quick;

/// What to go on with, and for how long.
#[derive(clap::Args)]
pub struct Arguments {
    /// Have everything go on at once, for so many minutes; 15 when nothing else is asked for
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u32>,
    /// Kill the switchboard, and PostgreSQL, so often while they write
    #[arg(long, value_name = "NUMBER")]
    kills: Option<u32>,
    /// Have PostgreSQL stand still for so many seconds while requests go on
    #[arg(long, value_name = "SECONDS")]
    stall: Option<u32>,
}

/// Runs tests for as long as nobody waits for in each run of all of them: the switchboard and telephones with everything
/// going on at once (requests, uploads, upgraded connections, visitors who leave, changes by the API, telephones that come
/// and go, a line that is cut; what they have of the machine is told once a minute), kills, and a database that stands still.
///
/// # Errors
/// When a request fails that should not, what was acknowledged is gone, or memory, files or tasks do not come back to what
/// they were.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let binaries = binaries::build(workspace, FLAVOUR, With::Nothing)?;
    let Arguments { minutes, kills, stall } = *arguments;
    let minutes = minutes.or_else(|| (kills.is_none() && stall.is_none()).then_some(15));
    for (filter, setting, value) in [
        ("soak::whatever_goes_on_nothing_is_left_of_it", "SWITCHBOARD_TEST_SOAK", minutes),
        ("writes::", "SWITCHBOARD_TEST_KILLS", kills),
        ("database::a_stalled_postgresql", "SWITCHBOARD_TEST_STALL", stall),
    ] {
        let Some(value) = value else { continue };
        let mut cargo = process::cargo();
        cargo.args(["test", "--package", "server", "--profile", FLAVOUR.native_profile(), "--test", "faults"]);
        cargo.args(["--", filter, "--nocapture", "--test-threads", "1"]);
        cargo.env("SWITCHBOARD_SITE", FLAVOUR.site(workspace)).env("TELEPHONE_BIN", &binaries.telephone);
        process::run(cargo.current_dir(&workspace.root).env(setting, value.to_string()))?;
    }
    Ok(())
}
