//! The telephones of a tunnel: how those that are connected do, and why others went.

mod rows;

use crate::{
    Listing, Page, Presence, Result, Services, Viewer,
    edit::insert_new,
    page,
    presence::Ended,
    store::{
        Newest, Store, batches, now,
        rows::{
            tunnel_sessions::{Column, Entity},
            tunnels,
        },
    },
};
use chrono::TimeDelta;
use domain::{SessionRecord, TunnelId};
use rows::{record, row};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::{collections::BTreeSet, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often those that have ended are stored.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// How many are stored of a tunnel; the oldest go.
const LATEST: Newest<Entity> = Newest { id: Column::Id, list: Column::TunnelId, age: Column::Id, most: 500 };
/// How long they are.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Telephones that were connected.
#[derive(Debug)]
pub struct Connections {
    pub(crate) store: Store,
    pub(crate) presence: Presence,
}

impl Connections {
    /// Stores those that have ended, until it is stopped.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut timer = tokio::time::interval(STORE_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timer.tick() => {}
            }
            if let Err(error) = self.store_ended().await {
                tracing::warn!(cause = error.cause(), "ended sessions were not stored; it is tried again: {error}");
            }
        }
    }

    /// Stores those that have ended and are not stored yet.
    pub(crate) async fn store_ended(&self) -> Result<()> {
        let ended = self.presence.take_ended();
        if ended.is_empty() {
            return Ok(());
        }
        match self.insert(&ended).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.presence.put_back_ended(ended);
                Err(error)
            }
        }
    }

    async fn insert(&self, ended: &[Ended]) -> Result<()> {
        let write = self.store.write().await?;
        // A tunnel may be gone for good by now: nobody looks for its telephones any more, and those of others are stored.
        let tunnels: BTreeSet<_> = ended.iter().map(|ended| ended.session.tunnel_id.0).collect();
        let mut there = BTreeSet::new();
        for ids in batches(&Vec::from_iter(tunnels)) {
            let found = tunnels::Entity::find().select_only().column(tunnels::Column::Id);
            let found = found.filter(tunnels::Column::Id.is_in(ids.iter().copied())).into_tuple::<Uuid>();
            there.extend(found.all(&write.tx).await?);
        }
        for ended in ended.iter().filter(|ended| there.contains(&ended.session.tunnel_id.0)) {
            insert_new::<Entity, _>(&write.tx, row(ended)).await?;
        }
        for tunnel in there {
            LATEST.keep(&write.tx, tunnel).await?;
        }
        write.commit().await
    }

    /// Those that are connected to this process, and then those that were, the latest first.
    async fn of(&self, tunnel: TunnelId, page: Page) -> Result<Listing<SessionRecord>> {
        let limit = page.limit()?;
        let after = page.after::<Uuid>()?;
        let live = if after.is_none() { self.presence.records(tunnel) } else { Vec::new() };
        // Those that are not stored yet are told by the next look.
        let mut query = Entity::find().filter(Column::TunnelId.eq(tunnel.0));
        if let Some(after) = after {
            query = query.filter(Column::Id.lt(after));
        }
        let mut rows = query.order_by_desc(Column::Id).limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        let ended = rows.into_iter().map(record).collect::<Result<Vec<_>>>()?;
        Ok(Listing { items: live.into_iter().chain(ended).collect(), next_cursor })
    }
}

impl Services {
    /// The telephones of a tunnel: those that are connected to this process, with how they do, on the first page; and
    /// those that were connected in the last 30 days, to any process, with why they went.
    ///
    /// # Errors
    /// `NotFound`, also when the tunnel is someone else's; `Invalid` for `limit` and `cursor`.
    pub async fn sessions_of(&self, viewer: &Viewer, tunnel: TunnelId, page: Page) -> Result<Listing<SessionRecord>> {
        self.tunnels().get(viewer, tunnel).await?;
        self.connections().of(tunnel, page).await
    }
}

/// Removes those that ended long ago; how many.
pub(crate) async fn purge(store: &Store) -> Result<u64> {
    let write = store.write().await?;
    let removed = Entity::delete_many().filter(Column::EndedAt.lt(now() - KEPT)).exec(&write.tx).await?;
    write.commit().await?;
    Ok(removed.rows_affected)
}
