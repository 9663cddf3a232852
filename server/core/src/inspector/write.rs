//! Writing a batch, all of it or nothing.

use std::collections::{BTreeMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::prepare::{Batch, Prepared};
use crate::Result;
use crate::store::rows::{capture_usage, request_contents, request_messages, tunnel_requests};
use crate::store::{Store, batches};
use tunnel_requests::Column;

/// What is added to what a subject has: exchanges and bytes.
pub(super) type Usage = BTreeMap<Uuid, (i64, i64)>;

/// Writes a batch in one transaction.
pub(super) async fn write(store: &Store, batch: &Batch) -> Result<()> {
    let write = store.write().await?;
    let mut usage = Usage::new();
    let (ended, new): (Vec<_>, Vec<_>) = batch.exchanges.iter().partition(|exchange| exchange.was_open);
    insert(&write.tx, &new, &mut usage).await?;
    write_messages(&write.tx, batch, &mut usage).await?;
    let mut unknown = vec![];
    for exchange in ended {
        if !end(&write.tx, exchange, &mut usage).await? {
            unknown.push(exchange);
        }
    }
    insert(&write.tx, &unknown, &mut usage).await?;
    count(&write.tx, &usage).await?;
    write.commit().await
}

async fn insert(tx: &DatabaseTransaction, exchanges: &[&Prepared], usage: &mut Usage) -> Result<()> {
    for batch in batches(exchanges) {
        let rows = batch.iter().map(|exchange| exchange.row.clone().into_active_model().reset_all());
        tunnel_requests::Entity::insert_many(rows).exec_without_returning(tx).await?;
        let contents = batch.iter().map(|exchange| exchange.contents.clone().into_active_model().reset_all());
        request_contents::Entity::insert_many(contents).exec_without_returning(tx).await?;
    }
    for exchange in exchanges {
        let of = usage.entry(exchange.row.subject_id).or_default();
        *of = (of.0 + 1, of.1 + exchange.row.stored);
    }
    Ok(())
}

/// Messages of exchanges that are still there.
async fn write_messages(tx: &DatabaseTransaction, batch: &Batch, usage: &mut Usage) -> Result<()> {
    if batch.messages.is_empty() {
        return Ok(());
    }
    let ids: HashSet<_> = batch.messages.iter().map(|messages| messages.row.request_id).collect();
    let there = tunnel_requests::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .into_tuple::<Uuid>()
        .all(tx)
        .await?;
    let there: HashSet<_> = there.into_iter().collect();
    let messages: Vec<_> = batch.messages.iter().filter(|messages| there.contains(&messages.row.request_id)).collect();
    for batch in batches(&messages) {
        let rows = batch.iter().map(|messages| messages.row.clone().into_active_model().reset_all());
        request_messages::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let mut grown = BTreeMap::<Uuid, i64>::new();
    for messages in messages {
        *grown.entry(messages.row.request_id).or_default() += messages.stored;
        usage.entry(messages.subject).or_default().1 += messages.stored;
    }
    for (id, stored) in grown {
        grow(tx, id, stored).await?;
    }
    Ok(())
}

async fn grow(tx: &impl ConnectionTrait, id: Uuid, stored: i64) -> Result<()> {
    tunnel_requests::Entity::update_many()
        .col_expr(Column::Stored, Expr::col(Column::Stored).add(stored))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes how an exchange has ended that was open; whether it is still there.
async fn end(tx: &DatabaseTransaction, exchange: &Prepared, usage: &mut Usage) -> Result<bool> {
    let row = &exchange.row;
    let Some(before) = request_contents::Entity::find_by_id(row.id).one(tx).await? else { return Ok(false) };
    let lengths = |contents: &request_contents::Model| {
        let bodies = [&contents.request_body, &contents.response_body];
        let bodies: usize = bodies.iter().filter_map(|body| body.as_ref()).map(Vec::len).sum();
        i64::try_from(contents.detail.len() + bodies).unwrap_or(i64::MAX)
    };
    let more = lengths(&exchange.contents) - lengths(&before);
    tunnel_requests::Entity::update_many()
        .col_expr(Column::Status, Expr::value(row.status))
        .col_expr(Column::Error, Expr::value(row.error.clone()))
        .col_expr(Column::Ended, Expr::value(row.ended.clone()))
        .col_expr(Column::DurationUs, Expr::value(row.duration_us))
        .col_expr(Column::BytesIn, Expr::value(row.bytes_in))
        .col_expr(Column::BytesOut, Expr::value(row.bytes_out))
        .col_expr(Column::ContentType, Expr::value(row.content_type.clone()))
        .col_expr(Column::Stored, Expr::col(Column::Stored).add(more))
        .filter(Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    let contents = exchange.contents.clone().into_active_model().reset_all();
    request_contents::Entity::update(contents).exec_without_returning(tx).await?;
    usage.entry(row.subject_id).or_default().1 += more;
    Ok(true)
}

/// Adds to what subjects have, or takes from it. In the order of their ids, so that two transactions never wait for each
/// other.
pub(super) async fn count(tx: &DatabaseTransaction, usage: &Usage) -> Result<()> {
    use capture_usage::Column as C;
    for (subject, (exchanges, stored)) in usage {
        let row =
            capture_usage::ActiveModel { subject_id: Set(*subject), exchanges: Set(*exchanges), stored: Set(*stored) };
        let table = capture_usage::Entity;
        let update = OnConflict::column(C::SubjectId)
            .value(C::Exchanges, Expr::col((table, C::Exchanges)).add(*exchanges))
            .value(C::Stored, Expr::col((table, C::Stored)).add(*stored))
            .to_owned();
        capture_usage::Entity::insert(row).on_conflict(update).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Notes of exchanges of which nothing more will be heard that they broke off.
pub(super) async fn break_off(store: &Store, ids: &[Uuid]) -> Result<()> {
    let write = store.write().await?;
    tunnel_requests::Entity::update_many()
        .col_expr(Column::Ended, Expr::value("broken_off"))
        .filter(Column::Id.is_in(ids.to_vec()))
        .filter(Column::Ended.eq("open"))
        .exec(&write.tx)
        .await?;
    write.commit().await
}

/// Notes of all exchanges that this node had open before `before` that they broke off; how many. With `node` empty it has
/// the database to itself.
pub(super) async fn break_off_older(store: &Store, node: Option<&str>, before: Uuid) -> Result<u64> {
    let write = store.write().await?;
    let mut open = tunnel_requests::Entity::update_many()
        .col_expr(Column::Ended, Expr::value("broken_off"))
        .filter(Column::Ended.eq("open"))
        .filter(Column::Id.lt(before));
    if let Some(node) = node {
        open = open.filter(Column::Node.eq(node));
    }
    let closed = open.exec(&write.tx).await?.rows_affected;
    write.commit().await?;
    Ok(closed)
}
