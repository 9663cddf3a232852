//! One exchange, and what its owner does with it.

use std::borrow::Cow;

use domain::{BodyInfo, Exchange, ExchangeFilter, ExchangeMessage, ExchangeSummary, Party, RequestId};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::access::Inspected;
use super::decode::decode;
use super::rows::{Detail, read, summary};
use super::{Inspector, find, pack::unpack, purge};
use crate::store::rows::{request_contents, request_messages, tunnel_requests};
use crate::{CoreError, Result, Viewer};
use tunnel_requests::{Column, Entity, Model};

/// The most exchanges of a tunnel, domain or route that stay whatever their age.
const MOST_PINS: u64 = 1_000;
/// The longest note, characters.
const LONGEST_NOTE: usize = 2_000;
/// The most replays of an exchange that are named with it.
const MOST_REPLAYS: u64 = 100;
/// How many are deleted in one step.
const AT_A_TIME: u64 = 500;

/// A body as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBody {
    /// What is known of it.
    pub info: BodyInfo,
    /// As much of it as is kept, encoded as [`BodyInfo::content_encoding`] says.
    pub bytes: Vec<u8>,
}

impl StoredBody {
    /// The body with its content encoding undone, as far as we know how; at most `most` bytes of it. Whether it is all
    /// that is kept comes with it.
    pub fn decoded(&self, most: usize) -> (Cow<'_, [u8]>, bool) {
        let encoding = self.info.content_encoding.as_deref();
        if let Some(decoded) = encoding.and_then(|encoding| decode(&self.bytes, encoding, most)) {
            return (decoded.bytes.into(), decoded.all);
        }
        let some = self.bytes.get(..most);
        (some.unwrap_or(&self.bytes).into(), some.is_none_or(|some| some.len() == self.bytes.len()))
    }
}

impl Inspector {
    /// All that is known of an exchange but its bodies.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, viewer: &Viewer, of: Inspected, id: RequestId) -> Result<Exchange> {
        let scope = self.reach(viewer, of, id).await?;
        let row = self.find(&scope, id).await?;
        let contents = self.contents(id).await?.ok_or(CoreError::NotFound("exchange"))?;
        let messages = request_messages::Entity::find()
            .filter(request_messages::Column::RequestId.eq(id.0))
            .order_by_asc(request_messages::Column::First)
            .all(self.store.read())
            .await?;
        let messages: Vec<Vec<ExchangeMessage>> =
            messages.iter().map(|row| read(&row.messages)).collect::<Result<_>>()?;
        let replays = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::OwnerId.eq(row.owner_id))
            .filter(Column::ReplayOf.eq(id.0))
            .order_by_asc(Column::Id)
            .limit(MOST_REPLAYS)
            .into_tuple::<Uuid>()
            .all(self.store.read())
            .await?;
        let replays = replays.into_iter().map(RequestId).collect();
        Ok(Detail::read(&contents)?.with(summary(row)?, messages.concat(), replays))
    }

    /// The body of the client's request or of the server's response; `None`: nothing of it was kept.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn body(
        &self,
        viewer: &Viewer,
        of: Inspected,
        id: RequestId,
        whose: Party,
    ) -> Result<Option<StoredBody>> {
        let scope = self.reach(viewer, of, id).await?;
        self.find(&scope, id).await?;
        let Some(contents) = self.contents(id).await? else { return Ok(None) };
        let detail = Detail::read(&contents)?;
        let (info, packed) = match whose {
            Party::Client => (detail.request_body, contents.request_body),
            Party::Server => (detail.response_body, contents.response_body),
        };
        packed.map(|packed| Ok(StoredBody { info, bytes: unpack(&packed)? })).transpose()
    }

    /// Keeps an exchange whatever its age, or no longer.
    ///
    /// # Errors
    /// `NotFound`; `pin_limit`.
    pub async fn pin(&self, viewer: &Viewer, of: Inspected, id: RequestId, pinned: bool) -> Result<ExchangeSummary> {
        let scope = self.reach(viewer, of, id).await?;
        let write = self.store.write().await?;
        let row = find_in(&write.tx, &scope, id).await?;
        if pinned && !row.pinned {
            let pins = || Entity::find().filter(Column::SubjectId.eq(row.subject_id)).filter(Column::Pinned.eq(true));
            let stored: Option<Option<i64>> = pins()
                .select_only()
                .column_as(Expr::col(Column::Stored).sum().cast_as("bigint"), "stored")
                .into_tuple()
                .one(&write.tx)
                .await?;
            let stored = stored.flatten().unwrap_or_default() + row.stored;
            if pins().count(&write.tx).await? >= MOST_PINS || stored > self.most_pinned(row.subject_id) {
                let message = "so much is pinned that nothing else could be kept; unpin some first";
                return Err(CoreError::conflict("pin_limit", message));
            }
        }
        let change = Entity::update_many().col_expr(Column::Pinned, Expr::value(pinned)).filter(Column::Id.eq(id.0));
        change.exec(&write.tx).await?;
        write.commit().await?;
        summary(Model { pinned, ..row })
    }

    /// Writes something beside an exchange; an empty text takes it away.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when it is too long.
    pub async fn note(&self, viewer: &Viewer, of: Inspected, id: RequestId, note: &str) -> Result<ExchangeSummary> {
        let note = Some(note.trim()).filter(|note| !note.is_empty()).map(str::to_owned);
        if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return Err(CoreError::invalid("note", format!("a note has at most {LONGEST_NOTE} characters")));
        }
        let scope = self.reach(viewer, of, id).await?;
        let write = self.store.write().await?;
        let row = find_in(&write.tx, &scope, id).await?;
        let change =
            Entity::update_many().col_expr(Column::Note, Expr::value(note.clone())).filter(Column::Id.eq(id.0));
        change.exec(&write.tx).await?;
        write.commit().await?;
        summary(Model { note, ..row })
    }

    /// Deletes an exchange with all that is known of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, viewer: &Viewer, of: Inspected, id: RequestId) -> Result<()> {
        let scope = self.reach(viewer, of, id).await?;
        self.find(&scope, id).await?;
        purge::remove(&self.store, scope.add(Column::Id.eq(id.0)), 1).await.map(drop)
    }

    /// Deletes all exchanges that are as the filter says, pinned ones too; how many. It looks at what a list shows only.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when the filter looks into contents.
    pub async fn delete_all(&self, viewer: &Viewer, of: Inspected, filter: &ExchangeFilter) -> Result<u64> {
        if filter.needs_contents() {
            let message = "what is to be deleted cannot be chosen by header or body; leave those out";
            return Err(CoreError::invalid("filter", message));
        }
        let newest = RequestId(Uuid::now_v7());
        let scope = self.scope(viewer, of).await?.add(find::condition(filter)).add(Column::Id.lt(newest.0));
        let mut deleted = 0;
        loop {
            let removed = purge::remove(&self.store, scope.clone(), AT_A_TIME).await?;
            deleted += removed;
            if removed < AT_A_TIME {
                return Ok(deleted);
            }
        }
    }

    async fn find(&self, scope: &Condition, id: RequestId) -> Result<Model> {
        find_in(self.store.read(), scope, id).await
    }

    async fn contents(&self, id: RequestId) -> Result<Option<request_contents::Model>> {
        Ok(request_contents::Entity::find_by_id(id.0).one(self.store.read()).await?)
    }
}

async fn find_in(connection: &impl sea_orm::ConnectionTrait, scope: &Condition, id: RequestId) -> Result<Model> {
    let found = Entity::find().filter(scope.clone()).filter(Column::Id.eq(id.0)).one(connection).await?;
    found.ok_or(CoreError::NotFound("exchange"))
}
