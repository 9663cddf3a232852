//! The settings: flag, else environment, else file, else default. All are read and judged before anything is opened
//! or bound, and every wrong one is named with the place it came from.

mod accounts;
mod addresses;
mod alerts;
mod capture;
mod data_dir;
mod error;
mod file;
mod flags;
mod limits;
mod logs;
mod node;
mod oidc;
mod parse;
mod reader;
mod services;
pub mod setting;
mod storage;

use std::{collections::BTreeMap, path::PathBuf};

pub use accounts::Accounts;
pub use addresses::Addresses;
pub use alerts::{Alerts, Smtp, SmtpSecurity};
pub use capture::Capture;
pub use data_dir::{DataDir, DataDirError, DataDirLock};
pub use error::{ConfigError, Place, Problem};
pub use flags::Flags;
pub use limits::Limits;
pub use logs::{LogFormat, Logs};
pub use node::Node;
pub use oidc::Oidc;
pub use storage::Storage;

use reader::Reader;

/// Everything that can be set, checked. One part a concern.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen and how people reach it.
    pub addresses: Addresses,
    /// Where data is kept.
    pub storage: Storage,
    /// Who may have an account, and what signs their access.
    pub accounts: Accounts,
    /// By which provider people sign in.
    pub oidc: Option<Oidc>,
    /// How much and how long.
    pub limits: Limits,
    /// What is recorded of requests.
    pub capture: Capture,
    /// How alerts get out.
    pub alerts: Alerts,
    /// What this process is called and how it works.
    pub node: Node,
    /// What is logged and how.
    pub logs: Logs,
    /// What looked odd without being wrong; to be logged once logging works.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// Every setting that is wrong, with its place and what to write instead.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::load_from(flags, &std::env::vars_os().filter_map(text).collect(), PathBuf::new())
    }

    /// Reads the settings from `flags`, the given environment, and a file that is looked for in `folder`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(
        flags: &Flags,
        environment: &BTreeMap<String, String>,
        folder: PathBuf,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::gather(flags, environment, folder)?;
        let config = Self {
            addresses: Addresses::read(&mut reader),
            storage: Storage::read(&mut reader),
            accounts: Accounts::read(&mut reader),
            oidc: Oidc::read(&mut reader),
            limits: Limits::read(&mut reader),
            capture: Capture::read(&mut reader),
            alerts: Alerts::read(&mut reader),
            node: Node::read(&mut reader),
            logs: Logs::read(&mut reader),
            warnings: std::mem::take(&mut reader.warnings),
        };
        reader.finish()?;
        Ok(config)
    }
}
