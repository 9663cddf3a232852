//! `switchboard export`

use clap::Args;
use server_core::{Reach, Services, Viewer};

use super::{Failure, block_on, exit, open, output};
use crate::config::Config;

/// Whose things a document is about.
#[derive(Debug, Args)]
pub struct Whose {
    /// Only what this account has, acting as this account, instead of what all accounts have
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
}

impl Whose {
    /// As whom the command acts, and how far that goes.
    pub(super) async fn find(&self, services: &Services) -> Result<(Viewer, Reach), Failure> {
        if let Some(email) = &self.owner {
            return Ok((services.accounts().named(email).await?, Reach::Own));
        }
        let administrator = services.accounts().administrator().await?.ok_or_else(|| {
            let message = "there is no administrator yet; add one with: switchboard user add EMAIL --admin";
            Failure::new(exit::DATA, message)
        })?;
        Ok((administrator, Reach::All))
    }
}

pub(super) fn run(whose: &Whose, config: &Config) -> Result<(), Failure> {
    let text = block_on(async {
        let services = open::services(config).await?;
        let exported = export(&services, whose).await;
        services.close().await;
        exported
    })?;
    output::write(&text)
}

async fn export(services: &Services, whose: &Whose) -> Result<String, Failure> {
    let (viewer, reach) = whose.find(services).await?;
    let document = services.declared().export(&viewer, reach).await?;
    toml::to_string(&document)
        .map_err(|error| Failure::new(exit::FAILED, format!("the document cannot be written: {error}")))
}
