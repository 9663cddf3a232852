//! Sets up, builds, runs and tests Switchboard: `cargo xtask help` lists what it can do.

mod binaries;
mod commands;
mod flavour;
mod front_end;
mod packages;
mod process;
mod progress;
mod wasm_toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Sets up, builds, runs and tests Switchboard.
///
/// Whatever a command needs and the machine lacks is set up first: the WebAssembly target by rustup or, where rustup
/// cannot be reached, Debian's own compiler; programs for the tests from the distribution's packages.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_long_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  CARGO_TARGET_DIR            where everything built goes (default: target)
  SWITCHBOARD_WASM_TOOLCHAIN  `rustup` or `distribution`: which compiler builds the front end
                              (default: whatever has the WebAssembly target, then rustup, then the distribution)
  CHROMIUM_BIN                the browser for the browser tests (default: the one found on PATH)
  SWITCHBOARD_PG_BIN          folder of PostgreSQL's programs (default: the newest installed)
  PYTHON_BIN                  a Python with the package `websockets` (default: found, or installed with it)
  SCHEMATHESIS_BIN            schemathesis, which tests the REST API (default: installed from PyPI into the target folder)";

#[derive(Subcommand)]
enum Command {
    /// Build what has changed and start the server (127.0.0.1:8080, data in ./data)
    Run(commands::run::Arguments),
    /// Build the front end, `switchboard` and `telephone`
    Build(commands::build::Arguments),
    /// Start the server, and rebuild and restart it whenever a source file changes
    Dev(commands::dev::Arguments),
    /// Run every test: Rust, documentation and browser
    Test(commands::test::Arguments),
    /// Check formatting and lints, the browser's half included
    Lint,
    /// Test our WebSocket framing with the Autobahn test suite, which comes from PyPI, and keep the results in docs
    Autobahn(commands::autobahn::Arguments),
    /// Measure Switchboard against other proxies and tunnels; a full run, 15 minutes, updates docs/performance.md
    Bench(commands::bench::Arguments),
    /// Run for long what tests run for short: everything at once, kills while something is written, a database that stalls
    Soak(commands::soak::Arguments),
    /// Fuzz what a peer on a line may send, when a nightly compiler is there
    Fuzz(commands::fuzz::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    match command {
        Command::Run(arguments) => commands::run::run(&workspace, &arguments)?,
        Command::Build(arguments) => commands::build::run(&workspace, &arguments)?,
        Command::Dev(arguments) => commands::dev::run(&workspace, &arguments)?,
        Command::Test(arguments) => return commands::test::run(&workspace, &arguments),
        Command::Lint => commands::lint::run(&workspace)?,
        Command::Autobahn(arguments) => commands::autobahn::run(&workspace, &arguments)?,
        Command::Bench(arguments) => commands::bench::run(&workspace, &arguments)?,
        Command::Soak(arguments) => commands::soak::run(&workspace, &arguments)?,
        Command::Fuzz(arguments) => commands::fuzz::run(&workspace, &arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
