//! `cargo xtask soak`

use crate::{
    binaries::{self, With},
    flavour::Flavour,
    process,
    workspace::Workspace,
};

/// As `cargo xtask run` and `test` build it.
const FLAVOUR: Flavour = Flavour::Quick;

/// How long to go on.
#[derive(clap::Args)]
pub struct Arguments {
    /// For how many minutes
    #[arg(long, default_value_t = 15)]
    minutes: u32,
}

/// Runs the switchboard and telephones with everything going on at once: requests, uploads, upgraded connections, visitors
/// who leave, changes by the API, telephones that come and go, a line that is cut. What they have of the machine is told
/// once a minute.
///
/// # Errors
/// When a request fails that should not, or memory, files or tasks do not come back to what they were.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let binaries = binaries::build(workspace, FLAVOUR, With::Nothing)?;
    let mut cargo = process::cargo();
    cargo.args(["test", "--package", "server", "--profile", FLAVOUR.native_profile(), "--test", "faults"]);
    cargo.args(["--", "--exact", "soak::whatever_goes_on_nothing_is_left_of_it", "--nocapture"]);
    cargo.env("SWITCHBOARD_SITE", FLAVOUR.site(workspace)).env("TELEPHONE_BIN", &binaries.telephone);
    process::run(cargo.current_dir(&workspace.root).env("SWITCHBOARD_TEST_SOAK", arguments.minutes.to_string()))
}
