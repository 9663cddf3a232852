//! The list of tunnels: filtered, sorted, in pages.

use super::{TunnelQuery, TunnelSort, Tunnels};
use crate::{
    Listing, Page, Result, Viewer, page,
    store::{
        contains,
        rows::{
            domains,
            tunnels::{Column, Entity, Model},
        },
    },
};
use domain::{Timestamp, Tunnel, TunnelStatus};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The sort key of the last tunnel of a page.
#[derive(Debug, Serialize, Deserialize)]
enum Key {
    Created(Uuid),
    Name(String, Uuid),
    /// Milliseconds since the Unix epoch; 0: never.
    LastActive(i64, Uuid),
}

impl Tunnels {
    /// The viewer's tunnels, an administrator's view of all of them.
    ///
    /// # Errors
    /// `Invalid` for `limit`, `cursor` and `search`.
    pub async fn list(&self, viewer: &Viewer, query: TunnelQuery, page: Page) -> Result<Listing<Tunnel>> {
        let limit = page.limit()?;
        let deleted = query.deleted || query.status == Some(TunnelStatus::Deleted);
        let mut condition = Self::scope(viewer)
            .add(if deleted { Column::DeletedAt.is_not_null() } else { Column::DeletedAt.is_null() })
            .add_option(query.status.map(|status| self.with_status(status)));
        condition = condition.add_option(contains(query.search.as_deref())?.map(matching));
        condition = condition.add_option(page.after()?.map(|key| after(query.sort, key)).transpose()?);
        let mut rows =
            sorted(Entity::find().filter(condition), query.sort).limit(limit as u64 + 1).all(self.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| key_of(query.sort, row))?;
        Ok(Listing { items: self.tunnels(rows).await?, next_cursor })
    }

    fn with_status(&self, status: TunnelStatus) -> Condition {
        let online = || self.presence.online().into_iter().map(|id| id.0);
        let active = Condition::all().add(Column::Paused.eq(false));
        match status {
            TunnelStatus::Online => active.add(Column::Id.is_in(online())),
            TunnelStatus::Offline => active.add(Column::Id.is_not_in(online())),
            TunnelStatus::Paused => Condition::all().add(Column::Paused.eq(true)),
            TunnelStatus::Deleted => Condition::all(),
        }
    }
}

/// Name, subdomain or a custom domain contains the text, whatever the case.
fn matching(like: LikeExpr) -> Condition {
    let hosts = domains::Entity::find()
        .select_only()
        .column(domains::Column::TunnelId)
        .filter(domains::Column::TunnelId.is_not_null())
        .filter(Expr::col(domains::Column::Host).like(like.clone()))
        .into_query();
    Condition::any()
        .add(name().like(like.clone()))
        .add(Expr::col((Entity, Column::Subdomain)).like(like))
        .add(Column::Id.in_subquery(hosts))
}

fn name() -> SimpleExpr {
    Func::lower(Expr::col((Entity, Column::Name))).into()
}

/// The last activity, with the beginning of time for none.
fn last_active() -> SimpleExpr {
    Func::coalesce([Expr::col((Entity, Column::LastActiveAt)), Expr::value(Timestamp::UNIX_EPOCH)]).into()
}

fn sorted(query: sea_orm::Select<Entity>, sort: TunnelSort) -> sea_orm::Select<Entity> {
    match sort {
        TunnelSort::Created => query.order_by(Column::Id, Order::Desc),
        TunnelSort::Name => query.order_by(name(), Order::Asc).order_by(Column::Id, Order::Asc),
        TunnelSort::LastActive => query.order_by(last_active(), Order::Desc).order_by(Column::Id, Order::Desc),
    }
}

fn key_of(sort: TunnelSort, row: &Model) -> Key {
    match sort {
        TunnelSort::Created => Key::Created(row.id),
        TunnelSort::Name => Key::Name(row.name.clone(), row.id),
        TunnelSort::LastActive => Key::LastActive(row.last_active_at.map_or(0, |at| at.timestamp_millis()), row.id),
    }
}

/// What comes after a key in the order of the list.
fn after(sort: TunnelSort, key: Key) -> Result<Condition> {
    match (sort, key) {
        (TunnelSort::Created, Key::Created(id)) => Ok(Condition::all().add(Column::Id.lt(id))),
        (TunnelSort::Name, Key::Name(text, id)) => {
            // Lower-cased by the database that compares it, whatever it takes for lower case.
            let last = || SimpleExpr::from(Func::lower(Expr::value(text.clone())));
            Ok(Condition::any()
                .add(name().gt(last()))
                .add(Condition::all().add(name().eq(last())).add(Column::Id.gt(id))))
        }
        (TunnelSort::LastActive, Key::LastActive(millis, id)) => {
            let last = Timestamp::from_timestamp_millis(millis).unwrap_or(Timestamp::UNIX_EPOCH);
            Ok(Condition::any()
                .add(last_active().lt(last))
                .add(Condition::all().add(last_active().eq(last)).add(Column::Id.lt(id))))
        }
        _ => Err(page::wrong_cursor()),
    }
}
