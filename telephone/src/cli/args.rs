//! The arguments, and from where each one came.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::exit::{self, Failure};

/// Gives a local web server a public address through a switchboard.
#[derive(Debug, Parser)]
#[command(name = "telephone", version, about, after_help = exit::HELP, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Forward the requests of a tunnel to a local web server.
    Http(Box<HttpArgs>),
    /// Serve all tunnels that a file names, or some of them.
    Start(StartArgs),
    /// Look at the file that `start` reads.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say how the telephones are that you run on this machine.
    Status(StatusArgs),
    /// Have systemd start what `start` serves, with the machine or with your session.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Keep the switchboard's address and a token, so that other commands need neither.
    Login(LoginArgs),
    /// Look at everything between a local server and its visitors, and say what is wrong and what to do about it.
    Diagnose(DiagnoseArgs),
}

/// What a telephone serves besides its tunnel, while it is connected.
const ANNOUNCING: &str = "Joining a service";

#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub(super) struct HttpArgs {
    /// The local web server: a port, host:port, an http or https URL, h2c://host:port for HTTP/2 without TLS (gRPC), or
    /// unix:PATH.
    #[arg(env = "TELEPHONE_TARGET")]
    pub target: String,
    /// The switchboard's address, for instance https://switchboard.example.com [default: as stored by `login`]
    #[arg(long, env = "TELEPHONE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    pub token: TokenArgs,
    /// The subdomain wanted [default: the one of last time, or a random one]
    #[arg(long, env = "TELEPHONE_SUBDOMAIN", value_name = "NAME")]
    pub subdomain: Option<String>,
    /// Serve this host as well, for instance app.example.com or *.example.com, as one of the backends behind it
    #[arg(long, env = "TELEPHONE_HOST", value_name = "HOST", help_heading = ANNOUNCING)]
    pub host: Option<String>,
    /// Serve only what is under this path of the host, for instance /api [default: all of it]
    #[arg(long, env = "TELEPHONE_PATH", value_name = "PATH", help_heading = ANNOUNCING)]
    pub path: Option<String>,
    /// Label this telephone's local server, so that traffic can be switched to it [default: the label that is enabled]
    #[arg(long, env = "TELEPHONE_TAG", value_name = "TAG", help_heading = ANNOUNCING)]
    pub tag: Option<String>,
    /// Join the service of this name [default: the one that host and path lead to, or one of their own]
    #[arg(long, env = "TELEPHONE_SERVICE", value_name = "NAME", help_heading = ANNOUNCING)]
    pub service: Option<String>,
    /// How many connections to the switchboard serve the tunnel at once, 1 to 16 [default: one, and more while there is
    /// work for them, up to one for two cores]
    #[arg(long, env = "TELEPHONE_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub connections: Option<u8>,
    /// Replace the Host header of each request [default: as the visitor sent it]
    #[arg(long, env = "TELEPHONE_HOST_HEADER", value_name = "HOST")]
    pub host_header: Option<String>,
    /// Trust whatever certificate an https target shows.
    #[arg(long, env = "TELEPHONE_INSECURE")]
    pub insecure: bool,
    /// A PEM file with certificate authorities to trust besides the system's.
    #[arg(long, env = "TELEPHONE_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// A name for this telephone, shown in the dashboard [default: the machine's]
    #[arg(long, env = "TELEPHONE_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Where this telephone runs, shown in the dashboard.
    #[arg(long, env = "TELEPHONE_REGION", value_name = "REGION")]
    pub region: Option<String>,
    /// How events are shown: json is one object a line.
    #[arg(long, env = "TELEPHONE_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// How much is logged to standard error besides: off, error, warn, info, debug or trace [default: warn]
    #[arg(long, env = "TELEPHONE_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<tracing_subscriber::filter::LevelFilter>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say what `start` would serve, or all that is wrong with its file, each with line and column; nothing is dialled
    Check(StartArgs),
}

#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub(super) struct StartArgs {
    /// Those of the file's tunnels that are wanted [default: all]
    #[arg(value_name = "TUNNEL")]
    pub tunnels: Vec<String>,
    /// The file with the tunnels [default: telephone.toml here, beside the stored login, or in /etc/telephone]
    #[arg(long, short, env = "TELEPHONE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The switchboard's address [default: as the file says, else as stored by `login`]
    #[arg(long, env = "TELEPHONE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    pub token: TokenArgs,
    /// How events are shown: json is one object a line [default: as the file says, else text]
    #[arg(long, env = "TELEPHONE_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// How much is logged to standard error besides: off, error, warn, info, debug or trace [default: as the file says,
    /// else warn]
    #[arg(long, env = "TELEPHONE_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<tracing_subscriber::filter::LevelFilter>,
}

#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub(super) struct StatusArgs {
    /// One JSON object for programs, instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Start it now and from now on
    Install(InstallArgs),
    /// End it, and do not start it any more
    Uninstall(ServiceArgs),
}

#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// The file with the tunnels [default: as for `start`]
    #[arg(long, short, env = "TELEPHONE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub service: ServiceArgs,
    /// The account that a service of the machine runs under [default: root, with no rights beyond its files]
    #[arg(long, value_name = "USER", requires = "system")]
    pub run_as: Option<String>,
    /// Show the unit and change nothing.
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// A service of the machine, instead of one of yours.
    #[arg(long)]
    pub system: bool,
    /// What systemd calls it; several have a name each.
    #[arg(long, value_name = "NAME", default_value = "telephone")]
    pub name: String,
}

#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// The switchboard's address, for instance https://switchboard.example.com
    #[arg(long, env = "TELEPHONE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    pub token: TokenArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub(super) struct DiagnoseArgs {
    /// The local web server, as for `http` [default: it is not looked at]
    #[arg(env = "TELEPHONE_TARGET")]
    pub target: Option<String>,
    /// The switchboard's address, for instance https://switchboard.example.com [default: as stored by `login`]
    #[arg(long, env = "TELEPHONE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    #[command(flatten)]
    pub token: TokenArgs,
    /// Trust whatever certificate an https target shows.
    #[arg(long, env = "TELEPHONE_INSECURE")]
    pub insecure: bool,
    /// A PEM file with certificate authorities to trust besides the system's.
    #[arg(long, env = "TELEPHONE_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// One JSON object for programs, instead of lines for people.
    #[arg(long)]
    pub json: bool,
}

/// The token, by either of two ways. (Other users of a machine can read its command lines: prefer the second.)
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The token to sign in with [default: as stored by `login`]
    #[arg(long, env = "TELEPHONE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A file that holds the token, or a short-lived one; `http` and `start` read it again every few seconds and sign in with
    /// what it holds then, while requests go on.
    #[arg(long, env = "TELEPHONE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// From where each argument of the command came.
#[derive(Debug)]
pub(super) struct Origins(ArgMatches);

impl Origins {
    /// Whether the argument was given on the command line.
    pub(super) fn is_flag(&self, id: &str) -> bool {
        self.0.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// The argument as its user knows it: the flag, or the variable.
    pub(super) fn place(&self, id: &str) -> String {
        if id == "target" && self.is_flag(id) {
            "TARGET".to_owned()
        } else if self.is_flag(id) {
            format!("--{}", id.replace('_', "-"))
        } else {
            format!("TELEPHONE_{}", id.to_uppercase())
        }
    }
}

/// Reads command line and environment; `--help` and `--version` end the process here.
pub(super) fn parse() -> Result<(Cli, Origins), Failure> {
    let matches = Cli::command().try_get_matches().unwrap_or_else(|error| refuse(&error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(&error));
    let mut innermost = &matches;
    while let Some((_, matches)) = innermost.subcommand() {
        innermost = matches;
    }
    let origins = Origins(innermost.clone());
    Ok((cli, origins))
}

/// Shows what clap has to say, and ends with its meaning as an exit code.
fn refuse(error: &clap::Error) -> ! {
    // Nothing is left to be done about a closed standard error.
    let _printed = error.print();
    std::process::exit(if error.use_stderr() { i32::from(exit::USAGE) } else { 0 })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}
