//! A telephone asks for its tunnel.

use super::{
    AttachRefused, AttachRequest, Attached, RANDOM_TRIES, Tunnels,
    check::{MAX_LOCAL_URL, MAX_METADATA, MAX_REGION, MAX_TEXT},
    names,
    rows::{Draft, find_auto, find_subdomain, read_metadata, write_metadata},
};
use crate::{Change, CoreError, Result, TokenHolder, store::rows::tunnels};
use domain::{Subdomain, SubdomainError, TokenScope, TunnelId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use std::collections::BTreeMap;

impl Tunnels {
    /// Finds or makes the tunnel that a telephone wants to serve.
    ///
    /// Without a subdomain it is the one that was made for the same token and target before, else a new random one. A
    /// named one is attached when it is the token owner's, and reserved when it is free.
    ///
    /// # Errors
    /// See [`AttachRefused`].
    pub async fn attach(&self, holder: &TokenHolder, request: AttachRequest) -> Result<Attached, AttachRefused> {
        let request = shortened(request);
        let wanted = wanted(holder, request.subdomain.as_deref())?;
        for _ in 0..RANDOM_TRIES {
            let found = match &wanted {
                Some(subdomain) => find_subdomain(self.store.read(), subdomain).await?,
                None => find_auto(self.store.read(), holder.token_id(), &request.local_url).await?,
            };
            let row = match found {
                Some(row) => self.refresh(holder, row, &request).await?,
                None => match self.reserve(holder, wanted.as_ref(), &request).await {
                    // Somebody was faster, perhaps another connection of the same telephone: look again.
                    Err(CoreError::Conflict { code: "subdomain_taken" | "auto_taken", .. }) => continue,
                    Err(CoreError::Conflict { code: "tunnel_limit", .. }) => return Err(AttachRefused::LimitExceeded),
                    row => row?,
                },
            };
            return Ok(Attached { tunnel: self.tunnel(row).await? });
        }
        Err(AttachRefused::SubdomainTaken)
    }

    /// A tunnel that exists: may this telephone serve it, and does it tell anything new?
    async fn refresh(
        &self,
        holder: &TokenHolder,
        row: tunnels::Model,
        request: &AttachRequest,
    ) -> Result<tunnels::Model, AttachRefused> {
        if row.owner_id != holder.owner_id().0 {
            return Err(AttachRefused::SubdomainTaken);
        }
        if row.paused {
            return Err(AttachRefused::TunnelPaused);
        }
        let mut metadata = read_metadata(&row)?;
        for (key, value) in &request.metadata {
            if metadata.len() < MAX_METADATA || metadata.contains_key(key) {
                metadata.insert(key.clone(), value.clone());
            }
        }
        let metadata = write_metadata(&metadata)?;
        let region = request.region.clone().or_else(|| row.region.clone());
        let same_url = row.local_url.as_deref() == Some(request.local_url.as_str());
        // Telephones that come back by the hundred say what they said before; that needs no writing.
        if same_url && row.region == region && row.metadata == metadata {
            return Ok(row);
        }
        let id = TunnelId(row.id);
        let changed = tunnels::ActiveModel {
            id: Set(row.id),
            local_url: Set(Some(request.local_url.clone())),
            region: Set(region),
            metadata: Set(metadata),
            ..Default::default()
        };
        let write = self.store.write().await?;
        let row = changed.update(&write.tx).await.map_err(CoreError::from)?;
        write.commit().await?;
        self.changes.publish(Change::Tunnel(id));
        Ok(row)
    }

    async fn reserve(
        &self,
        holder: &TokenHolder,
        wanted: Option<&Subdomain>,
        request: &AttachRequest,
    ) -> Result<tunnels::Model> {
        let draft = Draft {
            owner: holder.owner_id(),
            name: None,
            subdomain: wanted.cloned().map_or_else(names::random, Ok)?,
            local_url: Some(request.local_url.clone()),
            region: request.region.clone(),
            metadata: request.metadata.clone(),
            auto: wanted.is_none().then(|| (holder.token_id(), request.local_url.clone())),
        };
        self.insert(draft).await
    }
}

/// The subdomain that is asked for, as far as the token allows it. A token for one subdomain asks for it by itself.
fn wanted(holder: &TokenHolder, asked: Option<&str>) -> Result<Option<Subdomain>, AttachRefused> {
    let Some(asked) = asked else {
        return match holder.scope() {
            TokenScope::AllTunnels => Ok(None),
            TokenScope::Subdomains { subdomains } => match subdomains.as_slice() {
                [only] => Ok(Some(only.clone())),
                _ => Err(AttachRefused::OutsideScope),
            },
        };
    };
    let subdomain: Subdomain = asked.parse().map_err(|error| match error {
        SubdomainError::Reserved => AttachRefused::SubdomainReserved,
        error => AttachRefused::SubdomainInvalid(error),
    })?;
    if holder.scope().allows(&subdomain) { Ok(Some(subdomain)) } else { Err(AttachRefused::OutsideScope) }
}

/// A telephone's own words are for information: what is too long is cut rather than refused.
fn shortened(request: AttachRequest) -> AttachRequest {
    let cut =
        |text: String, most: usize| -> String { text.trim().chars().filter(|c| !c.is_control()).take(most).collect() };
    let metadata: BTreeMap<_, _> = request
        .metadata
        .into_iter()
        .take(MAX_METADATA)
        .map(|(key, value)| (cut(key, MAX_TEXT), cut(value, MAX_TEXT)))
        .filter(|(key, _)| !key.is_empty())
        .collect();
    AttachRequest {
        subdomain: request.subdomain.filter(|subdomain| !subdomain.trim().is_empty()),
        local_url: cut(request.local_url, MAX_LOCAL_URL),
        region: request.region.map(|region| cut(region, MAX_REGION)).filter(|region| !region.is_empty()),
        metadata,
    }
}
