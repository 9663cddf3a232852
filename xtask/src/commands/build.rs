//! `cargo xtask build`

use crate::{
    binaries::{self, With},
    flavour::Flavour,
    workspace::Workspace,
};

/// Arguments of `build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Optimise fully: slower to build, faster and smaller to run
    #[arg(long)]
    release: bool,
}

/// Builds everything and says where it is.
///
/// # Errors
/// When something does not build.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    let flavour = if arguments.release { Flavour::Release } else { Flavour::Quick };
    let built = binaries::build(workspace, flavour, With::Nothing)?;
    println!("{}\n{}", built.switchboard.display(), built.telephone.display());
    Ok(())
}
