//! `switchboard keys`

use clap::Subcommand;
use domain::SigningKey;
use server_core::{Administrator, Services};

use super::{Failure, block_on, exit, open};
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
}

pub(super) fn run(command: &KeysCommand, config: &Config) -> Result<(), Failure> {
    block_on(async {
        let services = open::services(config).await?;
        let done = apply(&services, command).await;
        services.close().await;
        for key in done? {
            println!("{}", line(&key));
        }
        Ok(())
    })
}

async fn apply(services: &Services, command: &KeysCommand) -> Result<Vec<SigningKey>, Failure> {
    let admin = administrator(services).await?;
    Ok(match command {
        KeysCommand::List => services.signing_keys().list(&admin).await?,
        KeysCommand::Rotate { at_once } => services.signing_keys().rotate(&admin, *at_once).await?,
    })
}

async fn administrator(services: &Services) -> Result<Administrator, Failure> {
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
