//! Tunnels.

mod attach;
mod check;
mod domains;
mod former;
mod list;
mod names;
mod record;
mod rows;
mod types;

use crate::{
    Change, Changes, CoreError, Presence, Result, Traffic, Viewer,
    edit::Desk,
    expected::later_than,
    store::{Store, now, read_front, rows::tunnels},
};
pub use attach::Claim;
use check::Checked;
use domain::{Email, Front, Hostname, RevisionAction, Subdomain, Tunnel, TunnelId, TunnelState, TunnelStats, UserId};
pub(crate) use rows::entries;
use rows::{Draft, insert, state_of, taken};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, QueryFilter};
use std::{sync::Arc, time::Duration};
pub use types::{
    AttachRefused, AttachRequest, Attached, NewTunnel, RoutingEntry, TelephoneNews, TunnelPatch, TunnelQuery,
    TunnelSort, WantedService,
};
use url::Url;

/// How often a random subdomain may turn out to be taken; among millions of them a second time is rare.
const RANDOM_TRIES: usize = 8;

/// Tunnels.
#[derive(Debug)]
pub struct Tunnels {
    pub(crate) store: Store,
    pub(crate) desk: Desk,
    pub(crate) presence: Presence,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) changes: Changes,
    pub(crate) addresses: Addresses,
    pub(crate) max_per_user: u32,
    pub(crate) name_cooldown: Duration,
}

/// Where tunnels are reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) public_url: Url,
    pub(crate) tunnel_domain: Hostname,
}

impl Addresses {
    /// Whether a tunnel of this name would have the dashboard's address.
    fn is_dashboard(&self, subdomain: &Subdomain) -> bool {
        let front = self.public_url.host_str().and_then(|host| host.strip_suffix(self.tunnel_domain.as_str()));
        front.and_then(|front| front.strip_suffix('.')) == Some(subdomain.as_str())
    }
}

impl Tunnels {
    /// One tunnel of the viewer, or any for an administrator; also a deleted one.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn get(&self, viewer: &Viewer, id: TunnelId) -> Result<Tunnel> {
        let row = self.find(self.store.read(), viewer, id).await?;
        self.tunnel(row).await
    }

    /// What stands in front of a tunnel.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn front(&self, viewer: &Viewer, id: TunnelId) -> Result<Front> {
        read_front(self.find(self.store.read(), viewer, id).await?.front.as_deref()).map(Front::masked)
    }

    /// Makes a tunnel, of who asks or, for administrators, of whom they name.
    ///
    /// # Errors
    /// `Invalid` names the field; `subdomain_taken`, also for a while after it was somebody else's; `domain_taken`,
    /// `tunnel_limit`.
    pub async fn create(&self, viewer: &Viewer, new: NewTunnel) -> Result<Tunnel> {
        let owner = new.owner.clone();
        let checked = Checked::from_new(new, self)?;
        for _ in 0..RANDOM_TRIES {
            let subdomain = match &checked.subdomain {
                Some(subdomain) => subdomain.clone(),
                None => names::random()?,
            };
            let draft = Draft {
                owner: viewer.id(),
                name: checked.name.clone(),
                subdomain,
                local_url: checked.local_url.clone().flatten(),
                region: checked.region.clone().flatten(),
                metadata: checked.metadata.clone().unwrap_or_default(),
                auto: None,
            };
            let domains = checked.custom_domains.as_deref().unwrap_or_default();
            match self.insert_with(viewer, owner.as_ref(), draft, domains).await {
                Err(CoreError::Conflict { code: "subdomain_taken", .. }) if checked.subdomain.is_none() => {}
                outcome => return self.tunnel(outcome?).await,
            }
        }
        Err(CoreError::conflict("subdomain_taken", "no free random subdomain was found; choose one"))
    }

    /// Changes what the patch names.
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotFound`; `tunnel_deleted` when it must be restored first.
    pub async fn update(&self, viewer: &Viewer, id: TunnelId, patch: TunnelPatch) -> Result<Tunnel> {
        let checked = Checked::from_patch(patch, self)?;
        let mut edit = self.desk.open(viewer).await?;
        let row = self.find_kept(edit.tx(), viewer, id).await?;
        edit.require_unchanged(row.updated_at)?;
        let later = later_than(row.updated_at);
        let before = edit.tunnel_spec(&row).await?;
        let front = match &checked.front {
            Some(front) => Some(Box::pin(edit.keep_front(&row.subdomain, front, row.front.as_deref())).await?),
            None => None,
        };
        let renamed = checked.subdomain.as_ref().is_some_and(|subdomain| subdomain.as_str() != row.subdomain);
        if renamed {
            self.keep_name(edit.tx(), &row).await?;
        }
        let mut changed: tunnels::ActiveModel = row.into();
        checked.apply(&mut changed)?;
        if renamed {
            changed.named_at = Set(Some(now()));
        }
        if let Some(front) = front {
            changed.front = Set(front);
        }
        changed.updated_at = Set(later);
        let row = changed.update(edit.tx()).await.map_err(taken)?;
        if renamed {
            self.check_name(edit.tx(), viewer, &row).await?;
        }
        if let Some(domains) = &checked.custom_domains {
            edit.replace_domains_of(&row, domains).await?;
        }
        edit.record_tunnel(&row, RevisionAction::Changed, Some(before)).await?;
        edit.commit().await?;
        self.changes.publish(Change::Tunnel(id));
        self.tunnel(row).await
    }

    /// Lets no request pass until it is resumed.
    ///
    /// # Errors
    /// `NotFound`, `tunnel_deleted`.
    pub async fn pause(&self, viewer: &Viewer, id: TunnelId) -> Result<Tunnel> {
        self.set_paused(viewer, id, true).await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// `NotFound`, `tunnel_deleted`.
    pub async fn resume(&self, viewer: &Viewer, id: TunnelId) -> Result<Tunnel> {
        self.set_paused(viewer, id, false).await
    }

    /// Deletes it so that it can be restored; its names are free for others, its subdomain after a while. Doing it twice is
    /// doing it once.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, viewer: &Viewer, id: TunnelId) -> Result<Tunnel> {
        let mut edit = self.desk.open(viewer).await?;
        let row = self.find(edit.tx(), viewer, id).await?;
        edit.require_unchanged(row.updated_at)?;
        if row.deleted_at.is_some() {
            return self.tunnel(row).await;
        }
        let before = edit.tunnel_spec(&row).await?;
        self.keep_name(edit.tx(), &row).await?;
        let later = later_than(row.updated_at);
        let mut changed: tunnels::ActiveModel = row.into();
        changed.deleted_at = Set(Some(now()));
        changed.updated_at = Set(later);
        let row = changed.update(edit.tx()).await?;
        edit.remove_domains_of(&row).await?;
        edit.remove_announced_of(&row).await?;
        edit.record_tunnel(&row, RevisionAction::Deleted, Some(before)).await?;
        edit.commit().await?;
        self.traffic.forget(id);
        self.changes.publish(Change::Tunnel(id));
        self.tunnel(row).await
    }

    /// Brings back what was deleted.
    ///
    /// # Errors
    /// `NotFound`; `subdomain_taken` or `domain_taken` when a name was taken meanwhile; `tunnel_limit`.
    pub async fn restore(&self, viewer: &Viewer, id: TunnelId) -> Result<Tunnel> {
        let mut edit = self.desk.open(viewer).await?;
        let row = self.find(edit.tx(), viewer, id).await?;
        if row.deleted_at.is_none() {
            return self.tunnel(row).await;
        }
        self.check_limit(edit.tx(), UserId(row.owner_id)).await?;
        let replaced = rows::auto_exists(edit.tx(), &row).await?;
        let later = later_than(row.updated_at);
        let mut changed: tunnels::ActiveModel = row.into();
        changed.deleted_at = Set(None);
        // Nobody has come to it meanwhile.
        changed.named_at = Set(Some(now()));
        changed.updated_at = Set(later);
        if replaced {
            // Its telephone has got another one since, and goes on getting that.
            changed.auto_token_id = Set(None);
            changed.auto_local_url = Set(None);
        }
        let row = changed.update(edit.tx()).await.map_err(taken)?;
        // Somebody else may have had it since.
        self.check_name(edit.tx(), viewer, &row).await?;
        edit.revive_domains_of(&row).await?;
        edit.record_tunnel(&row, RevisionAction::Restored, None).await?;
        edit.commit().await?;
        self.changes.publish(Change::Tunnel(id));
        self.tunnel(row).await
    }

    /// Its figures.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn stats(&self, viewer: &Viewer, id: TunnelId) -> Result<TunnelStats> {
        self.find(self.store.read(), viewer, id).await?;
        self.stats_of(id).await
    }

    /// The figures of a tunnel that the caller may see.
    pub(crate) async fn stats_of(&self, id: TunnelId) -> Result<TunnelStats> {
        let totals = self.traffic.totals(&[id.0]).await?.remove(&id.0).unwrap_or_default();
        let sessions = self.presence.of(id);
        let oldest = sessions.iter().map(|session| session.connected_at).min();
        let uptime = oldest.map_or(0, |since| (now() - since).num_seconds());
        let (held, retried) = self.traffic.held_and_retried(id);
        Ok(TunnelStats {
            held,
            retried,
            requests: totals.by_status.total(),
            in_flight: self.traffic.in_flight(id.0),
            by_status: totals.by_status,
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            latency_ms: self.traffic.latency(id.0),
            sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX),
            uptime_seconds: u64::try_from(uptime).unwrap_or_default(),
        })
    }

    /// All tunnels that are not deleted, for the routing table.
    pub async fn routing_entries(&self) -> Result<Vec<RoutingEntry>> {
        entries(self.store.read(), &self.addresses, rows::verified_domains(self.store.read()).await?, None).await
    }

    async fn set_paused(&self, viewer: &Viewer, id: TunnelId, paused: bool) -> Result<Tunnel> {
        let mut edit = self.desk.open(viewer).await?;
        let row = self.find_kept(edit.tx(), viewer, id).await?;
        if row.paused == paused {
            return self.tunnel(row).await;
        }
        let (before, later) = (edit.tunnel_spec(&row).await?, later_than(row.updated_at));
        let mut changed: tunnels::ActiveModel = row.into();
        changed.paused = Set(paused);
        changed.updated_at = Set(later);
        let row = changed.update(edit.tx()).await?;
        edit.record_tunnel(&row, RevisionAction::Changed, Some(before)).await?;
        edit.commit().await?;
        self.changes.publish(Change::Tunnel(id));
        self.tunnel(row).await
    }

    /// Inserts a draft as what belongs to `owner`, or to who asks.
    async fn insert_with(
        &self,
        viewer: &Viewer,
        owner: Option<&Email>,
        mut draft: Draft,
        domains: &[Hostname],
    ) -> Result<tunnels::Model> {
        let mut edit = self.desk.open(viewer).await?;
        draft.owner = edit.owner_named(owner).await?.id;
        self.check_limit(edit.tx(), draft.owner).await?;
        let row = insert(edit.tx(), draft).await?;
        self.check_name(edit.tx(), viewer, &row).await?;
        edit.replace_domains_of(&row, domains).await?;
        edit.record_tunnel(&row, RevisionAction::Created, None).await?;
        edit.commit().await?;
        self.changes.publish(Change::Tunnel(TunnelId(row.id)));
        Ok(row)
    }

    async fn check_limit(&self, connection: &impl ConnectionTrait, owner: UserId) -> Result<()> {
        if rows::count(connection, owner).await? < u64::from(self.max_per_user) {
            return Ok(());
        }
        let message = format!("the limit of {} tunnels is reached; delete one that is not needed", self.max_per_user);
        Err(CoreError::conflict("tunnel_limit", message))
    }

    /// The viewer's tunnel. The one place that decides who sees which tunnel.
    async fn find(&self, connection: &impl ConnectionTrait, viewer: &Viewer, id: TunnelId) -> Result<tunnels::Model> {
        let row = tunnels::Entity::find_by_id(id.0).filter(Self::scope(viewer)).one(connection).await?;
        row.ok_or(CoreError::NotFound("tunnel"))
    }

    async fn find_kept(
        &self,
        connection: &impl ConnectionTrait,
        viewer: &Viewer,
        id: TunnelId,
    ) -> Result<tunnels::Model> {
        let row = self.find(connection, viewer, id).await?;
        if state_of(&row) == TunnelState::Deleted {
            return Err(CoreError::conflict("tunnel_deleted", "this tunnel is deleted; restore it first"));
        }
        Ok(row)
    }
}
