//! `switchboard keys reseal`

use server_core::{GivenUp, ResealError, Resealed};
use std::path::Path;

use super::{Failure, block_on, exit, keys, open};
use crate::config::{Config, DataDir};

/// Seals everything with the key in this file, or with a new one of the data folder.
pub(super) fn run(to: Option<&Path>, config: &Config) -> Result<(), Failure> {
    let folder = DataDir::open(&config.storage)?;
    let _lock = folder.lock()?;
    let url = &config.storage.database_url;
    match (&config.accounts.sealing_key, to) {
        (Some(from), Some(to)) => {
            let new = folder.key_in(to)?;
            report(block_on(async { Ok(server_core::reseal(url, from, &new).await?) })?);
            println!("From now on sealing_key has to be what {} holds.", to.display());
        }
        (None, None) => {
            let (from, new) = (folder.sealing_key()?, folder.next_sealing_key()?);
            report(block_on(async { Ok(server_core::reseal(url, &from, &new).await?) })?);
            let last = folder.take_next_sealing_key()?;
            println!(
                "The old key is in {}: what was backed up before needs it. Delete it when that is gone.",
                last.display()
            );
        }
        (Some(_), None) => {
            let message = "sealing_key is given by a setting; name a file with the new key: --to FILE";
            return Err(Failure::new(exit::DATA, message));
        }
        (None, Some(_)) => {
            let message = "the key is in the data folder, where its successor is made too; leave --to out";
            return Err(Failure::new(exit::DATA, message));
        }
    }
    Ok(())
}

/// Gives up what the present key, or a new one, does not open.
pub(super) fn give_up(config: &Config) -> Result<(), Failure> {
    let folder = DataDir::open(&config.storage)?;
    let _lock = folder.lock()?;
    let key = config.accounts.sealing_key.clone().map_or_else(|| folder.sealing_key(), Ok)?;
    block_on(async {
        let given_up = server_core::give_up_sealed(&config.storage.database_url, &key).await?;
        if given_up.signing_key {
            let services = open::services(config).await?;
            let rotated = match keys::administrator(&services).await {
                Ok(admin) => services.signing_keys().rotate(&admin, true).await.map_err(Failure::from),
                Err(error) => Err(error),
            };
            services.close().await;
            rotated?;
        }
        tell(&given_up);
        Ok(())
    })
}

fn report(done: Resealed) {
    if done.before {
        println!("All secrets are sealed with the new key already.");
    } else {
        println!("{} secrets are sealed with the new key.", done.secrets);
    }
    if done.unopened > 0 {
        println!("{} were sealed with neither key, and stay as they are.", done.unopened);
    }
}

fn tell(given_up: &GivenUp) {
    if *given_up == GivenUp::default() {
        println!("Nothing was lost: the key opens everything.");
    }
    for (place, names) in &given_up.headers {
        println!("{place}: set again, and taken out until then: {}", names.join(", "));
    }
    if given_up.revisions > 0 {
        println!("{} revisions of domains and routes: deleted", given_up.revisions);
    }
    for (owner, name) in &given_up.alerts {
        println!("alert \"{name}\" of user {owner}: deleted; make it anew");
    }
    for email in &given_up.second_factors {
        println!("second factor of {email}: signs in with a recovery code, and sets it up anew");
    }
    if given_up.signing_key {
        println!("key of access tokens: replaced; programs sign in again");
    }
}

impl From<ResealError> for Failure {
    fn from(error: ResealError) -> Self {
        let code = match error {
            ResealError::Open(error) => return error.into(),
            ResealError::InUse { .. } => exit::UNAVAILABLE,
            ResealError::Failed(_) => exit::FAILED,
        };
        Self::new(code, error.to_string())
    }
}
