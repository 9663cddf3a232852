//! What owners may write into their tunnels.

use super::{NewTunnel, TunnelPatch, Tunnels, rows::write_metadata};
use crate::{CoreError, Result, edit::check_front, store::rows::tunnels};
use domain::{Front, Hostname, Subdomain, SubdomainError, TunnelName};
use sea_orm::ActiveValue::Set;
use std::collections::BTreeMap;

pub(super) const MAX_LOCAL_URL: usize = 500;
pub(super) const MAX_REGION: usize = 64;
pub(super) const MAX_METADATA: usize = 20;
pub(super) const MAX_TEXT: usize = 200;
const MAX_DOMAINS: usize = 10;

/// Fields that were found good; what is `None` was not given.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub name: Option<TunnelName>,
    pub subdomain: Option<Subdomain>,
    pub custom_domains: Option<Vec<Hostname>>,
    pub local_url: Option<Option<String>>,
    pub region: Option<Option<String>>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub front: Option<Front>,
}

impl Checked {
    /// In a new tunnel an empty name or subdomain, as forms send it, is a missing one.
    pub(super) fn from_new(new: NewTunnel, tunnels: &Tunnels) -> Result<Self> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let patch = TunnelPatch {
            name: given(new.name),
            subdomain: given(new.subdomain),
            custom_domains: Some(new.custom_domains),
            local_url: new.local_url,
            region: new.region,
            metadata: Some(new.metadata),
            front: None,
        };
        Self::from_patch(patch, tunnels)
    }

    pub(super) fn from_patch(patch: TunnelPatch, tunnels: &Tunnels) -> Result<Self> {
        patch.front.as_ref().map_or(Ok(()), check_front)?;
        let name = patch.name.map(|name| name.parse()).transpose();
        let subdomain = patch.subdomain.map(|subdomain| subdomain.parse()).transpose();
        Ok(Self {
            name: name.map_err(|error| CoreError::invalid("name", error))?,
            subdomain: subdomain
                .and_then(|subdomain: Option<Subdomain>| match subdomain {
                    Some(name) if tunnels.addresses.is_dashboard(&name) => Err(SubdomainError::Reserved),
                    other => Ok(other),
                })
                .map_err(|error| CoreError::invalid("subdomain", error))?,
            custom_domains: patch.custom_domains.map(|domains| check_domains(&domains, tunnels)).transpose()?,
            local_url: patch.local_url.map(|text| check_text("local_url", text, MAX_LOCAL_URL)).transpose()?,
            region: patch.region.map(|text| check_text("region", text, MAX_REGION)).transpose()?,
            metadata: patch.metadata.map(check_metadata).transpose()?,
            front: patch.front,
        })
    }

    /// Writes what was given into a row, but for what stands in front.
    pub(super) fn apply(&self, row: &mut tunnels::ActiveModel) -> Result<()> {
        if let Some(name) = &self.name {
            row.name = Set(name.as_str().into());
        }
        if let Some(subdomain) = &self.subdomain {
            row.subdomain = Set(subdomain.as_str().into());
        }
        if let Some(local_url) = &self.local_url {
            row.local_url = Set(local_url.clone());
        }
        if let Some(region) = &self.region {
            row.region = Set(region.clone());
        }
        if let Some(metadata) = &self.metadata {
            row.metadata = Set(write_metadata(metadata)?);
        }
        Ok(())
    }
}

fn check_domains(texts: &[String], tunnels: &Tunnels) -> Result<Vec<Hostname>> {
    let wrong = |message: String| CoreError::invalid("custom_domains", message);
    let mut domains: Vec<Hostname> = Vec::new();
    for text in texts.iter().filter(|text| !text.trim().is_empty()) {
        let domain: Hostname = text.parse().map_err(|error| wrong(format!("{}: {error}", text.trim())))?;
        let (name, base) = (domain.as_str(), tunnels.addresses.tunnel_domain.as_str());
        if name == base || name.strip_suffix(base).is_some_and(|front| front.ends_with('.')) {
            return Err(wrong(format!("{name} lies in this server's own domain; use the subdomain for it")));
        }
        if tunnels.addresses.public_url.host_str() == Some(name) {
            return Err(wrong(format!("{name} is the address of this server's dashboard")));
        }
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.len() > MAX_DOMAINS {
        return Err(wrong(format!("a tunnel has at most {MAX_DOMAINS} custom domains")));
    }
    Ok(domains)
}

/// Free text; empty: none.
fn check_text(field: &'static str, text: String, most: usize) -> Result<Option<String>> {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(CoreError::invalid(
            field,
            format!("use at most {most} characters, none of them a control character"),
        ));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn check_metadata(metadata: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let too_long = |text: &String| text.chars().count() > MAX_TEXT;
    if metadata.len() > MAX_METADATA || metadata.iter().any(|(key, value)| too_long(key) || too_long(value)) {
        let message = format!("use at most {MAX_METADATA} entries of at most {MAX_TEXT} characters");
        return Err(CoreError::invalid("metadata", message));
    }
    Ok(metadata)
}
