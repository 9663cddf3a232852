//! A telephone asks for its tunnel.

use super::{
    AttachRefused, AttachRequest, Attached, RANDOM_TRIES, TelephoneNews, Tunnels,
    check::{MAX_LOCAL_URL, MAX_METADATA, MAX_REGION, MAX_TEXT},
    former::kept_until,
    names,
    rows::{Auto, Draft, find_auto, find_subdomain, insert, read_metadata, write_metadata},
};
use crate::{
    AnnouncedService, AnnouncementRefused, Announcements, Change, CoreError, Result, TokenHolder, Viewer,
    accounts::{find_by_id, to_user},
    announcing::in_place,
    store::rows::tunnels,
};
use domain::{Subdomain, SubdomainError, TunnelId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, QuerySelect};
use std::collections::BTreeMap;

/// Whether a tunnel may be served with what the telephone announces: the key of it is the same for all telephones that
/// serve a tunnel. Whoever may is expected to come.
pub type Claim<'a> = &'a (dyn Fn(TunnelId, &str) -> bool + Send + Sync);

/// What a telephone has got.
struct Got {
    row: tunnels::Model,
    services: Vec<AnnouncedService>,
    is_news: bool,
}

impl Tunnels {
    /// Finds or makes the tunnel that a telephone wants to serve, and what it announces.
    ///
    /// Without a subdomain it is the one that was made for the same token, target and announcements before, else a new
    /// random one. A named one is attached when it is the token owner's, and reserved when it is free.
    ///
    /// # Errors
    /// See [`AttachRefused`]. Of what was not there nothing is made then.
    pub async fn attach(
        &self,
        holder: &TokenHolder,
        request: AttachRequest,
        claim: Claim<'_>,
    ) -> Result<Attached, AttachRefused> {
        let request = shortened(request);
        let services = Announcements::parse(&request.services)?;
        let wanted = wanted(holder, request.subdomain.as_deref())?;
        if wanted.as_ref().is_some_and(|name| self.addresses.is_dashboard(name)) {
            return Err(AttachRefused::SubdomainReserved);
        }
        services.check(holder.scope())?;
        let auto = Auto {
            token: holder.token_id(),
            local_url: request.local_url.clone(),
            announced: services.key().to_owned(),
        };
        for _ in 0..RANDOM_TRIES {
            let found = match &wanted {
                Some(subdomain) => find_subdomain(self.store.read(), subdomain).await?,
                None => find_auto(self.store.read(), &auto).await?,
            };
            let got = match found {
                Some(row) => self.serve(holder, row, &request, &services, claim).await?,
                None => match self.reserve(holder, wanted.as_ref(), &request, &services, claim).await {
                    // Somebody was faster, perhaps another connection of the same telephone: look again.
                    Err(AttachRefused::Unavailable(CoreError::Conflict {
                        code: "subdomain_taken" | "auto_taken",
                        ..
                    })) => continue,
                    Err(AttachRefused::Unavailable(CoreError::Conflict { code: "tunnel_limit", .. })) => {
                        return Err(AttachRefused::LimitExceeded);
                    }
                    got => got?,
                },
            };
            return Ok(Attached { tunnel: self.tunnel(got.row).await?, services: got.services, is_news: got.is_news });
        }
        Err(AttachRefused::SubdomainTaken)
    }

    /// A tunnel that exists: may this telephone serve it, and with what it announces?
    async fn serve(
        &self,
        holder: &TokenHolder,
        row: tunnels::Model,
        request: &AttachRequest,
        services: &Announcements,
        claim: Claim<'_>,
    ) -> Result<Got, AttachRefused> {
        if row.owner_id != holder.owner_id().0 {
            return Err(AttachRefused::SubdomainTaken);
        }
        if row.paused {
            return Err(AttachRefused::TunnelPaused);
        }
        if !claim(TunnelId(row.id), services.key()) {
            return Err(AnnouncementRefused::Conflict.into());
        }
        // Telephones that come back by the hundred announce what they announced before; that needs no writing.
        let there = in_place(self.store.read(), &self.addresses, &row, services).await?;
        let (services, is_news) = match there {
            Some(there) => (there, false),
            None => (self.announce(holder, &row, services).await?, true),
        };
        let AttachRequest { local_url, region, metadata, .. } = request.clone();
        let news = TelephoneNews { local_url: Some(local_url), region, metadata };
        Ok(Got { row: self.refresh(row, news).await?, services, is_news })
    }

    async fn announce(
        &self,
        holder: &TokenHolder,
        row: &tunnels::Model,
        services: &Announcements,
    ) -> Result<Vec<AnnouncedService>, AttachRefused> {
        let owner = self.owner(holder).await?;
        let mut edit = self.desk.open(&owner).await?;
        edit.announce(row, holder.scope(), services).await?;
        let there = in_place(edit.tx(), &self.addresses, row, services).await?;
        edit.commit().await?;
        Ok(there.ok_or_else(not_in_place)?)
    }

    /// Whoever owns the token, in whose name its telephones make things.
    async fn owner(&self, holder: &TokenHolder) -> Result<Viewer> {
        let row = find_by_id(self.store.read(), holder.owner_id()).await?;
        row.ok_or(CoreError::NotFound("user")).and_then(to_user).map(Viewer::new)
    }

    /// Notes what the telephone that serves a tunnel says of itself since. What is too long is cut, what is the same costs no
    /// writing. The tunnel of last time is still found by what it was attached with.
    ///
    /// # Errors
    /// `NotFound` when the tunnel is gone.
    pub async fn note(&self, id: TunnelId, news: TelephoneNews) -> Result<()> {
        let row = tunnels::Entity::find_by_id(id.0).one(self.store.read()).await?;
        let row = row.filter(|row| row.deleted_at.is_none()).ok_or(CoreError::NotFound("tunnel"))?;
        self.refresh(row, shortened_news(news)).await.map(drop)
    }

    /// Notes what a telephone tells about itself, if it is new.
    async fn refresh(&self, row: tunnels::Model, news: TelephoneNews) -> Result<tunnels::Model> {
        if renewed(&row, &news)?.is_none() {
            return Ok(row);
        }
        let write = self.store.write().await?;
        // As it is now: another telephone of it may have said something since it was looked at.
        let row = tunnels::Entity::find_by_id(row.id).lock_exclusive().one(&write.tx).await?;
        let row = row.ok_or(CoreError::NotFound("tunnel"))?;
        let Some(changed) = renewed(&row, &news)? else { return Ok(row) };
        let row = changed.update(&write.tx).await.map_err(CoreError::from)?;
        write.commit().await?;
        self.changes.publish(Change::Tunnel(TunnelId(row.id)));
        Ok(row)
    }

    /// A new tunnel, with what its telephone announces: both or neither.
    async fn reserve(
        &self,
        holder: &TokenHolder,
        wanted: Option<&Subdomain>,
        request: &AttachRequest,
        services: &Announcements,
        claim: Claim<'_>,
    ) -> Result<Got, AttachRefused> {
        let draft = Draft {
            owner: holder.owner_id(),
            name: None,
            subdomain: wanted.cloned().map_or_else(names::random, Ok)?,
            local_url: Some(request.local_url.clone()),
            region: request.region.clone(),
            metadata: request.metadata.clone(),
            auto: wanted.is_none().then(|| Auto {
                token: holder.token_id(),
                local_url: request.local_url.clone(),
                announced: services.key().to_owned(),
            }),
        };
        let owner = self.owner(holder).await?;
        // Before anything is written: a telephone that gets no name asks again and again.
        if let Some(name) = wanted
            && kept_until(self.store.read(), &owner, name.as_str(), draft.owner.0).await?.is_some()
        {
            return Err(AttachRefused::SubdomainTaken);
        }
        let mut edit = self.desk.open(&owner).await?;
        self.check_limit(edit.tx(), draft.owner).await?;
        let row = insert(edit.tx(), draft).await?;
        self.check_name(edit.tx(), &owner, &row).await?;
        edit.announce(&row, holder.scope(), services).await?;
        let there = in_place(edit.tx(), &self.addresses, &row, services).await?.ok_or_else(not_in_place)?;
        if !claim(TunnelId(row.id), services.key()) {
            return Err(AnnouncementRefused::Conflict.into());
        }
        edit.commit().await?;
        self.changes.publish(Change::Tunnel(TunnelId(row.id)));
        Ok(Got { row, is_news: !there.is_empty(), services: there })
    }
}

fn not_in_place() -> CoreError {
    CoreError::Internal("what a telephone announced was made, and is not there".into())
}

/// The subdomain that is asked for, as far as the token allows it. A token for one subdomain asks for it by itself.
fn wanted(holder: &TokenHolder, asked: Option<&str>) -> Result<Option<Subdomain>, AttachRefused> {
    let Some(asked) = asked else {
        return match holder.scope().subdomains.as_deref() {
            None => Ok(None),
            Some([only]) => Ok(Some(only.clone())),
            Some(_) => Err(AttachRefused::OutsideScope),
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
    let AttachRequest { subdomain, local_url, region, metadata, services } = request;
    let subdomain = subdomain.filter(|subdomain| !subdomain.trim().is_empty());
    let news = shortened_news(TelephoneNews { local_url: Some(local_url), region, metadata });
    let TelephoneNews { local_url, region, metadata } = news;
    AttachRequest { subdomain, local_url: local_url.unwrap_or_default(), region, metadata, services }
}

/// What is to be written of the news; `None`: all of it is known.
fn renewed(row: &tunnels::Model, news: &TelephoneNews) -> Result<Option<tunnels::ActiveModel>> {
    let mut metadata = read_metadata(row)?;
    for (key, value) in &news.metadata {
        if metadata.len() < MAX_METADATA || metadata.contains_key(key) {
            metadata.insert(key.clone(), value.clone());
        }
    }
    let metadata = write_metadata(&metadata)?;
    let region = news.region.clone().or_else(|| row.region.clone());
    let local_url = news.local_url.clone().or_else(|| row.local_url.clone());
    let is_known = row.local_url == local_url && row.region == region && row.metadata == metadata;
    Ok((!is_known).then(|| tunnels::ActiveModel {
        id: Set(row.id),
        local_url: Set(local_url),
        region: Set(region),
        metadata: Set(metadata),
        ..Default::default()
    }))
}

fn shortened_news(news: TelephoneNews) -> TelephoneNews {
    let cut =
        |text: String, most: usize| -> String { text.trim().chars().filter(|c| !c.is_control()).take(most).collect() };
    let metadata: BTreeMap<_, _> = news
        .metadata
        .into_iter()
        .take(MAX_METADATA)
        .map(|(key, value)| (cut(key, MAX_TEXT), cut(value, MAX_TEXT)))
        .filter(|(key, _)| !key.is_empty())
        .collect();
    TelephoneNews {
        local_url: news.local_url.map(|url| cut(url, MAX_LOCAL_URL)).filter(|url| !url.is_empty()),
        region: news.region.map(|region| cut(region, MAX_REGION)).filter(|region| !region.is_empty()),
        metadata,
    }
}
