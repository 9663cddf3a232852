//! The nodes that are there: each tells of itself again and again, so that all know of all.

use crate::{
    CoreError, Listing, Page, Result, Viewer, page,
    store::{Store, in_millis, now, parse, rows::nodes},
};
use chrono::TimeDelta;
use domain::{Node, NodeId, RegionName, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a node tells of itself: missing it twice is not silence yet.
const TELL_EVERY: Duration = Duration::from_secs(20);

/// How long a node that stops may take to say so.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// After how long a node that says nothing is forgotten.
const FORGET: TimeDelta = TimeDelta::days(7);

/// The longest text that a node tells of itself, characters.
const MAX_TEXT: usize = 300;

/// Switchboards on one database.
#[derive(Debug)]
pub struct Nodes {
    pub(crate) store: Store,
}

/// What a node tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNews {
    /// What its operator calls it; one process at a time has a name.
    pub name: String,
    /// Where it is.
    pub region: Option<RegionName>,
    /// Which version it runs.
    pub version: String,
    /// Where it is reached.
    pub public_url: String,
    /// When it started.
    pub started_at: Timestamp,
}

impl Nodes {
    /// After how long without a word a node counts as gone.
    pub const SILENT_AFTER: TimeDelta = TimeDelta::seconds(60);

    /// The nodes, by name, as they last told of themselves.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`; when the database is away.
    pub async fn list(&self, _: &Viewer, page: Page) -> Result<Listing<Node>> {
        let limit = page.limit()?;
        let mut query = nodes::Entity::find();
        if let Some(after) = page.after::<String>()? {
            query = query.filter(nodes::Column::Name.gt(after));
        }
        let rows = query.order_by_asc(nodes::Column::Name).limit(limit as u64 + 1);
        let mut rows = rows.all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.name.clone())?;
        Ok(Listing { items: rows.into_iter().map(shown).collect::<Result<_>>()?, next_cursor })
    }

    /// Tells of this node until `stop`, and then that it is gone. While the database is away it is tried again: nothing
    /// else depends on it.
    pub async fn run(&self, news: NodeNews, stop: CancellationToken) {
        let mut timer = tokio::time::interval(TELL_EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = timer.tick() => {}
            }
            let told = tokio::select! {
                () = stop.cancelled() => break,
                told = self.announce(&news) => told,
            };
            if let Err(error) = told {
                tracing::warn!(
                    cause = error.cause(),
                    "other nodes were not told of this one; it is tried again: {error}"
                );
            }
        }
        match tokio::time::timeout(LEAVE_WITHIN, self.leave(&news)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(cause = error.cause(), "other nodes were not told that this one stops: {error}");
            }
            Err(_) => tracing::warn!(limit = ?LEAVE_WITHIN, "other nodes were not told that this one stops"),
        }
    }

    /// A node says that it is there. Those that have said nothing for a week are forgotten.
    ///
    /// # Errors
    /// `Invalid` for a text that is too long; when the database is away.
    pub async fn announce(&self, news: &NodeNews) -> Result<()> {
        for (field, text) in [("name", &news.name), ("version", &news.version), ("public_url", &news.public_url)] {
            if text.is_empty() || text.chars().count() > MAX_TEXT {
                return Err(CoreError::invalid(field, format!("use 1 to {MAX_TEXT} characters")));
            }
        }
        let write = self.store.write().await?;
        let moment = now();
        nodes::Entity::delete_many().filter(nodes::Column::SeenAt.lt(moment - FORGET)).exec(&write.tx).await?;
        let row = nodes::Model {
            id: Uuid::now_v7(),
            name: news.name.clone(),
            region: news.region.as_ref().map(ToString::to_string),
            version: news.version.clone(),
            public_url: news.public_url.clone(),
            started_at: in_millis(news.started_at),
            seen_at: moment,
        };
        let anew = OnConflict::column(nodes::Column::Name)
            .update_columns([
                nodes::Column::Region,
                nodes::Column::Version,
                nodes::Column::PublicUrl,
                nodes::Column::StartedAt,
                nodes::Column::SeenAt,
            ])
            .to_owned();
        let row = row.into_active_model().reset_all();
        nodes::Entity::insert(row).on_conflict(anew).exec_without_returning(&write.tx).await?;
        write.commit().await
    }

    /// A node says that it stops. The process that has taken its place and name meanwhile stays.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn leave(&self, news: &NodeNews) -> Result<()> {
        let write = self.store.write().await?;
        let this = nodes::Entity::delete_many().filter(nodes::Column::Name.eq(&news.name));
        this.filter(nodes::Column::StartedAt.eq(in_millis(news.started_at))).exec(&write.tx).await?;
        write.commit().await
    }
}

fn shown(row: nodes::Model) -> Result<Node> {
    Ok(Node {
        id: NodeId(row.id),
        name: row.name,
        region: row.region.as_deref().map(parse).transpose()?,
        version: row.version,
        public_url: row.public_url,
        started_at: row.started_at,
        seen_at: row.seen_at,
    })
}
