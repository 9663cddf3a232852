//! `switchboard keys`

use clap::Subcommand;
use domain::SigningKey;
use server_core::{Administrator, Services};
use std::path::PathBuf;

use super::{Failure, block_on, exit, open, reseal};
use crate::config::Config;

/// What can be done to keys from the command line.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List what access tokens are signed with, the one in use first
    List,
    /// Make a new key that access tokens are signed with; servers may be running, and know it within seconds
    Rotate {
        /// End what the old keys have signed now, rather than when it would have ended
        #[arg(long)]
        at_once: bool,
    },
    /// Encrypt all secrets in the database with a new sealing key; no server may be running
    Reseal {
        /// The new key, where sealing_key is given by a setting; that has to name it from then on
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// The key is lost: give up what nobody can open any more, and go on with the one that is there, or a new one
        #[arg(long, conflicts_with = "to")]
        lost: bool,
    },
}

pub(super) fn run(command: &KeysCommand, config: &Config) -> Result<(), Failure> {
    let at_once = match command {
        KeysCommand::Reseal { lost: true, .. } => return reseal::give_up(config),
        KeysCommand::Reseal { to, .. } => return reseal::run(to.as_deref(), config),
        KeysCommand::List => None,
        KeysCommand::Rotate { at_once } => Some(*at_once),
    };
    block_on(async {
        let services = open::services(config).await?;
        let done = apply(&services, at_once).await;
        services.close().await;
        for key in done? {
            println!("{}", line(&key));
        }
        Ok(())
    })
}

/// Lists the keys, and before that makes a new one when told how.
async fn apply(services: &Services, rotate_at_once: Option<bool>) -> Result<Vec<SigningKey>, Failure> {
    let admin = administrator(services).await?;
    Ok(match rotate_at_once {
        None => services.signing_keys().list(&admin).await?,
        Some(at_once) => services.signing_keys().rotate(&admin, at_once).await?,
    })
}

pub(super) async fn administrator(services: &Services) -> Result<Administrator, Failure> {
    let administrator = services.accounts().administrator().await?.ok_or_else(|| {
        let message = "there is no administrator yet; add one with: switchboard user add EMAIL --admin";
        Failure::new(exit::DATA, message)
    })?;
    Ok(administrator.as_admin()?)
}

fn line(key: &SigningKey) -> String {
    match (key.retired_at, key.access_until, key.telephones_until) {
        (Some(retired), Some(access), Some(telephones)) => format!(
            "{}  replaced {}, checks access tokens until {}, short-lived tokens until {}",
            key.id,
            shown(retired),
            shown(access),
            shown(telephones)
        ),
        _ => format!("{}  signs", key.id),
    }
}

fn shown(moment: domain::Timestamp) -> impl std::fmt::Display {
    moment.format("%Y-%m-%d %H:%M:%S UTC")
}
