//! The settings as flags, made from the table.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::{collections::BTreeMap, path::PathBuf};

use super::setting::{self, Setting};

/// What was given on the command line. Values are kept as they are written: they are judged together with what the
/// environment and the file say, so that every mistake is reported in the same words.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The configuration file named with `--config`.
    pub config: Option<PathBuf>,
    pub(super) values: BTreeMap<&'static str, String>,
}

impl Flags {
    fn argument(setting: &'static Setting) -> Arg {
        Arg::new(setting.key)
            .long(setting.flag())
            .value_name(setting.value)
            .help(format!("{} [default: {}]", setting.help, setting.default))
            .help_heading(setting.heading)
            .global(true)
            .allow_hyphen_values(true)
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("Configuration file [default: switchboard.toml here, else /etc/switchboard/switchboard.toml]")
            .value_parser(clap::value_parser!(PathBuf))
            .global(true);
        command.arg(file).args(setting::ALL.iter().filter(|setting| !setting.secret).map(Self::argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(file) = matches.get_one::<PathBuf>("config") {
            self.config = Some(file.clone());
        }
        for setting in setting::ALL.iter().filter(|setting| !setting.secret) {
            if let Some(value) = matches.get_one::<String>(setting.key) {
                self.values.insert(setting.key, value.clone());
            }
        }
        Ok(())
    }
}
