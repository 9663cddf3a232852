//! Looking for exchanges.

use std::time::{Duration, Instant};

use domain::{ExchangeFilter, ExchangeMessage, ExchangeSummary, StatusFilter, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::access::Inspected;
use super::decode::decode;
use super::rows::{Detail, read, summary};
use super::{Inspector, pack::unpack};
use crate::page::{Page, cursor_of};
use crate::store::pattern;
use crate::store::rows::{request_contents, request_messages, tunnel_requests};
use crate::{CoreError, Result, Viewer};
use tunnel_requests::{Column, Entity, Model};

/// How many exchanges' contents are looked into at a time.
const AT_A_TIME: u64 = 50;
/// How many in one call, at most …
const MOST: usize = 2_000;
/// … and for how long.
const LONGEST: Duration = Duration::from_millis(200);
/// As much of an encoded body as is looked into, bytes.
const MOST_DECODED: usize = 8 * 1024 * 1024;

/// Exchanges that were found, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The exchanges.
    pub items: Vec<ExchangeSummary>,
    /// Where to go on; `None`: there are no more.
    pub next_cursor: Option<String>,
    /// When looking into contents took so long that it stopped before the page was full: those that arrived before this
    /// have not been looked at; the cursor goes on there.
    pub looked_until: Option<Timestamp>,
}

/// An exchange with what may be looked for in it.
struct Contents {
    row: Model,
    contents: Option<request_contents::Model>,
    messages: Vec<request_messages::Model>,
}

impl Inspector {
    /// Exchanges that are as the filter says, newest first.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's; `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, of: Inspected, filter: &ExchangeFilter, page: &Page) -> Result<Found> {
        let limit = page.limit()?;
        let condition = self.scope(viewer, of).await?.add(condition(filter));
        let mut after: Option<Uuid> = page.after()?;
        let began = Instant::now();
        let (mut items, mut looked) = (vec![], 0);
        loop {
            let most = if filter.needs_contents() { AT_A_TIME } else { limit as u64 + 1 };
            let rows = self.rows(&condition, after, most).await?;
            let exhausted = (rows.len() as u64) < most;
            looked += rows.len();
            let last = rows.last().map(|row| (row.id, row.at));
            let fits = self.fitting(rows, filter).await?;
            for row in fits {
                if items.len() == limit {
                    return Ok(Found { next_cursor: last_of(&items)?, items, looked_until: None });
                }
                items.push(summary(row)?);
            }
            let Some((id, at)) = last.filter(|_| !exhausted) else {
                return Ok(Found { items, next_cursor: None, looked_until: None });
            };
            after = Some(id);
            if looked >= MOST || began.elapsed() >= LONGEST {
                let looked_until = Timestamp::from_timestamp_millis(at);
                return Ok(Found { items, next_cursor: Some(cursor_of(&id)?), looked_until });
            }
        }
    }

    async fn rows(&self, condition: &Condition, after: Option<Uuid>, most: u64) -> Result<Vec<Model>> {
        let condition = condition.clone().add_option(after.map(|id| Column::Id.lt(id)));
        let rows = Entity::find().filter(condition).order_by_desc(Column::Id).limit(most);
        Ok(rows.all(self.store.read()).await?)
    }

    /// Those of them whose contents are as the filter says.
    async fn fitting(&self, rows: Vec<Model>, filter: &ExchangeFilter) -> Result<Vec<Model>> {
        if !filter.needs_contents() || rows.is_empty() {
            return Ok(rows);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let contents = request_contents::Entity::find()
            .filter(request_contents::Column::RequestId.is_in(ids.clone()))
            .all(self.store.read())
            .await?;
        let messages = if filter.body.is_some() {
            use request_messages::Column as M;
            request_messages::Entity::find().filter(M::RequestId.is_in(ids)).all(self.store.read()).await?
        } else {
            vec![]
        };
        let mut all: Vec<_> = rows.into_iter().map(|row| Contents { row, contents: None, messages: vec![] }).collect();
        for contents in contents {
            if let Some(of) = all.iter_mut().find(|of| of.row.id == contents.request_id) {
                of.contents = Some(contents);
            }
        }
        for messages in messages {
            if let Some(of) = all.iter_mut().find(|of| of.row.id == messages.request_id) {
                of.messages.push(messages);
            }
        }
        let (header, body) = (filter.header.clone(), filter.body.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let fits = |contents: &Contents| -> Result<bool> {
                Ok(header.as_deref().map_or(Ok(true), |text| contents.has_header(text))?
                    && body.as_deref().map_or(Ok(true), |text| contents.has_text(text))?)
            };
            all.into_iter()
                .filter_map(|contents| match fits(&contents) {
                    Ok(true) => Some(Ok(contents.row)),
                    Ok(false) => None,
                    Err(error) => Some(Err(error)),
                })
                .collect::<Result<Vec<_>>>()
        });
        looked.await.map_err(|error| CoreError::Internal(format!("looking into exchanges: {error}")))?
    }
}

fn last_of(items: &[ExchangeSummary]) -> Result<Option<String>> {
    items.last().map(|last| cursor_of(&last.id.0)).transpose()
}

/// What the filter says of what a list shows.
pub(super) fn condition(filter: &ExchangeFilter) -> Condition {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let us = |ms: u64| signed(ms.saturating_mul(1_000));
    let bytes = || Expr::col(Column::BytesIn).add(Expr::col(Column::BytesOut));
    let lower = |column: Column| Func::lower(Expr::col(column));
    let mut all = Condition::all()
        .add_option(filter.method.clone().map(|method| Column::Method.eq(method)))
        .add_option(filter.kind.map(|kind| Column::Kind.eq(kind.as_str())))
        .add_option(filter.status.map(|status| match status {
            StatusFilter::Exact(exact) => Column::Status.eq(i32::from(exact)),
            StatusFilter::Class(class) => {
                let first = i32::from(class) * 100;
                Column::Status.between(first, first + 99)
            }
        }))
        .add_option(filter.min_ms.map(|least| Column::DurationUs.gte(us(least))))
        .add_option(filter.max_ms.map(|most| Column::DurationUs.lte(us(most))))
        .add_option(filter.min_bytes.map(|least| bytes().gte(signed(least))))
        .add_option(filter.max_bytes.map(|most| bytes().lte(signed(most))))
        .add_option(filter.from.map(|from| Column::At.gte(from.timestamp_millis())))
        .add_option(filter.to.map(|to| Column::At.lte(to.timestamp_millis())))
        .add_option(filter.pinned.then(|| Column::Pinned.eq(true)))
        .add_option(filter.replay_of.map(|id| Column::ReplayOf.eq(id.0)));
    if let Some(text) = &filter.path {
        let like = pattern(text);
        all = all.add(Condition::any().add(lower(Column::Path).like(like.clone())).add(lower(Column::Host).like(like)));
    }
    if filter.errors {
        all = all.add(
            Condition::any()
                .add(Column::Status.gte(400))
                .add(Column::Error.is_not_null())
                .add(Column::Ended.is_in(["client_left", "broken_off"])),
        );
    }
    all
}

impl Contents {
    fn has_header(&self, wanted: &str) -> Result<bool> {
        let Some(contents) = &self.contents else { return Ok(false) };
        let detail = Detail::read(contents)?;
        let (name, value) = match wanted.split_once(':') {
            Some((name, value)) => (name.trim().to_lowercase(), Some(value.trim().to_lowercase())),
            None => (wanted.trim().to_lowercase(), None),
        };
        let heads = [detail.request, detail.response];
        let mut fields = heads.iter().flatten().flat_map(|head| head.fields.iter().chain(&head.trailers));
        Ok(fields.any(|field| match &value {
            Some(value) => field.name.eq_ignore_ascii_case(&name) && field.value.to_lowercase().contains(value),
            None => field.name.to_lowercase().contains(&name),
        }))
    }

    fn has_text(&self, wanted: &str) -> Result<bool> {
        let wanted = wanted.to_lowercase();
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase().contains(&wanted);
        if let Some(contents) = &self.contents {
            let detail = Detail::read(contents)?;
            let bodies = [
                (&contents.request_body, detail.request_body.content_encoding),
                (&contents.response_body, detail.response_body.content_encoding),
            ];
            for (body, encoding) in bodies {
                let Some(body) = body else { continue };
                let body = unpack(body)?;
                let decoded = encoding.and_then(|encoding| decode(&body, &encoding, MOST_DECODED));
                if has(decoded.as_ref().map_or(&body, |decoded| &decoded.bytes)) {
                    return Ok(true);
                }
            }
        }
        for messages in &self.messages {
            let messages: Vec<ExchangeMessage> = read(&messages.messages)?;
            if messages.iter().any(|message| has(message.payload.as_bytes())) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
