//! Programs from the distribution's packages.

use std::process::{Command, Stdio};

use anyhow::bail;

use crate::{process, progress};

/// Installs packages with `apt-get`, where that is possible without asking anybody for a password.
///
/// # Errors
/// When it is not possible, in one line that says what to install.
pub fn install(purpose: &str, packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    let Some(privilege) = privilege() else {
        bail!("{purpose} needs packages that are not installed: install them with `sudo apt-get install {names}`");
    };
    let installed = progress::quiet_step(&format!("installing {names}"), || {
        // The package lists of a fresh container are empty and those of an old one out of date, hence the second try.
        process::run(apt_get(privilege, "install").args(packages)).or_else(|_| {
            process::run(&mut apt_get(privilege, "update"))?;
            process::run(apt_get(privilege, "install").args(packages))
        })
    });
    installed.map_err(|error| error.context(format!("{purpose} needs the packages {names}: install them by hand")))
}

/// How this process may install packages: as itself when it is root, through sudo when that asks no password.
fn privilege() -> Option<&'static [&'static str]> {
    process::find(&["apt-get"])?;
    let user = process::output(Command::new("id").arg("-u")).ok()?;
    if user.trim() == "0" {
        return Some(&[]);
    }
    process::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

fn apt_get(privilege: &[&str], verb: &str) -> Command {
    let mut words = privilege.iter().copied().chain([
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "--quiet",
        "--quiet",
        "--yes",
        "--no-install-recommends",
        verb,
    ]);
    let mut command = process::command(words.next().unwrap_or("env"));
    // It says much to standard output; what goes wrong goes to standard error.
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    command
}
