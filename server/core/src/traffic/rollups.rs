//! Roll-ups in the database.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{HOURS_KEPT, MINUTES_KEPT, Sample, Series, Span, StatusCounts, TunnelId};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::breakdowns;
use super::figures::{Counts, Measured, decode, encode};
use super::sampler::{EVERYTHING, Run, STEPS, Step, Unstored};
use crate::store::rows::{
    backends, services, traffic_rollups as rollups, traffic_runs as runs, traffic_totals as totals, tunnels, users,
};
use crate::store::{Store, batches, now, nowhere_in};
use crate::{CoreError, Result};

/// How long steps of each length are kept, seconds.
const KEPT: [i64; 2] = [MINUTES_KEPT, HOURS_KEPT];
/// Subjects in one question: both databases bound its parameters.
const ASKED: usize = 1_000;

/// Stores it all or nothing.
pub(super) async fn store(store: &Store, unstored: &Unstored, seen: &HashSet<TunnelId>) -> Result<()> {
    let write = store.write().await?;
    let rows = unstored.runs.iter().map(|run| runs::ActiveModel {
        id: Set(run.id),
        start: Set(run.start),
        until: Set(run.until),
    });
    let update = OnConflict::column(runs::Column::Id).update_column(runs::Column::Until).to_owned();
    runs::Entity::insert_many(rows).on_conflict(update).exec_without_returning(&write.tx).await?;
    for batch in batches(&unstored.totals) {
        use totals::Column as C;
        let update = OnConflict::columns([C::SubjectId, C::RunId])
            .update_columns([
                C::Informational,
                C::Success,
                C::Redirection,
                C::ClientError,
                C::ServerError,
                C::BytesIn,
                C::BytesOut,
            ])
            .to_owned();
        let rows = batch.iter().map(total_row);
        totals::Entity::insert_many(rows).on_conflict(update).exec_without_returning(&write.tx).await?;
    }
    for batch in batches(&unstored.steps) {
        use rollups::Column as C;
        let update = OnConflict::columns([C::SubjectId, C::Step, C::Start, C::RunId])
            .update_columns([
                C::Informational,
                C::Success,
                C::Redirection,
                C::ClientError,
                C::ServerError,
                C::BytesIn,
                C::BytesOut,
                C::InFlightMax,
                C::HeldMax,
                C::Latency,
            ])
            .to_owned();
        let rows = batch.iter().map(|(id, step)| step_row(*id, step));
        rollups::Entity::insert_many(rows).on_conflict(update).exec_without_returning(&write.tx).await?;
    }
    breakdowns::store(&write.tx, unstored).await?;
    // Subjects that are no tunnel are in no row.
    let active: Vec<Uuid> = seen.iter().map(|id| id.0).chain(unstored.totals.iter().map(|(id, ..)| *id)).collect();
    for ids in batches(&active) {
        tunnels::Entity::update_many()
            .col_expr(tunnels::Column::LastActiveAt, Expr::value(now()))
            .filter(tunnels::Column::Id.is_in(ids.iter().copied()))
            .exec(&write.tx)
            .await?;
    }
    write.commit().await
}

/// What was counted in all runs but `except`, by subject.
pub(super) async fn totals_before(store: &Store, ids: &[Uuid], except: &[Uuid]) -> Result<HashMap<Uuid, Counts>> {
    let mut sums = HashMap::new();
    for ids in ids.chunks(ASKED) {
        let rows = totals::Entity::find()
            .filter(totals::Column::SubjectId.is_in(ids.iter().copied()))
            .filter(totals::Column::RunId.is_not_in(except.iter().copied()))
            .all(store.read())
            .await?;
        for row in rows {
            *sums.entry(row.subject_id).or_insert_with(Counts::default) += counts(
                [row.informational, row.success, row.redirection, row.client_error, row.server_error],
                row.bytes_in,
                row.bytes_out,
            );
        }
    }
    Ok(sums)
}

/// The samples of a span: what is stored, with what is in memory in its place where it is newer.
pub(super) async fn history(
    store: &Store,
    subject: Uuid,
    Span { from, until, step }: Span,
    (run, in_memory): (Run, Vec<Step>),
) -> Result<Series> {
    let length = if step < STEPS[1] { STEPS[0] } else { STEPS[1] };
    let rows = rollups::Entity::find()
        .filter(rollups::Column::SubjectId.eq(subject))
        .filter(rollups::Column::Step.eq(i32::try_from(length).unwrap_or(i32::MAX)))
        .filter(rollups::Column::Start.gte(from))
        .filter(rollups::Column::Start.lt(until))
        .all(store.read())
        .await?;
    let in_memory: Vec<&Step> =
        in_memory.iter().filter(|step| step.length == length && (from..until).contains(&step.start)).collect();
    let newer = |row: &rollups::Model| in_memory.iter().any(|step| step.run == row.run_id && step.start == row.start);
    let mut steps: BTreeMap<i64, Measured> = measured_steps(store, from, until, step, run).await?;
    let mut add = |start: i64, measured: &Measured| {
        steps.entry(start.div_euclid(step) * step).or_default().add_in_time(measured);
    };
    rows.iter().filter(|row| !newer(row)).for_each(|row| add(row.start, &measured(row)));
    in_memory.iter().for_each(|step| add(step.start, &step.measured));
    let mut whole = Measured::default();
    steps.values().for_each(|measured| whole.add_in_time(measured));
    let samples: Vec<Sample> = steps.iter().map(|(at, measured)| measured.sample(*at)).collect();
    Ok(Series { step, from, until, samples, whole: whole.sample(from) })
}

/// What each subject did from `from` to `until`, both from [`breakdowns::whole_steps`].
pub(super) async fn wholes(
    store: &Store,
    in_memory: &[(Uuid, Vec<Step>)],
    (from, until): (i64, i64),
) -> Result<HashMap<Uuid, Sample>> {
    let pieces = breakdowns::pieces(from, until);
    let mut any = Condition::any();
    for (length, from, until) in &pieces {
        let piece = Condition::all().add(rollups::Column::Step.eq(breakdowns::stored_length(*length)));
        let piece = piece.add(rollups::Column::Start.gte(*from)).add(rollups::Column::Start.lt(*until));
        any = any.add(piece);
    }
    let mut sums: HashMap<Uuid, Measured> = HashMap::new();
    let mut newer = HashSet::new();
    for (subject, steps) in in_memory {
        for step in steps.iter().filter(|step| breakdowns::is_asked(&pieces, step)) {
            newer.insert((*subject, breakdowns::stored_length(step.length), step.start, step.run));
            sums.entry(*subject).or_default().add_in_time(&step.measured);
        }
    }
    for subjects in in_memory.chunks(ASKED) {
        let ids = subjects.iter().map(|(subject, _)| *subject);
        let rows = rollups::Entity::find().filter(rollups::Column::SubjectId.is_in(ids)).filter(any.clone());
        for row in rows.all(store.read()).await? {
            if !newer.contains(&(row.subject_id, row.step, row.start, row.run_id)) {
                sums.entry(row.subject_id).or_default().add_in_time(&measured(&row));
            }
        }
    }
    Ok(sums.into_iter().map(|(subject, sum)| (subject, sum.sample(from))).collect())
}

/// The steps in which somebody measured at all, with nothing in them yet: what is not among them is a gap.
async fn measured_steps(
    store: &Store,
    from: i64,
    until: i64,
    step: i64,
    present: Run,
) -> Result<BTreeMap<i64, Measured>> {
    let mut all = runs::Entity::find()
        .filter(runs::Column::Until.gt(from))
        .filter(runs::Column::Start.lt(until))
        .all(store.read())
        .await?
        .into_iter()
        .map(|row| (row.start, row.until))
        .collect::<Vec<_>>();
    all.push((present.start, present.until));
    let mut steps = BTreeMap::new();
    for (start, end) in all {
        let mut at = start.max(from).div_euclid(step) * step;
        while at < end.min(until) {
            steps.entry(at).or_default();
            at += step;
        }
    }
    Ok(steps)
}

/// Removes what is older than is ever shown. `now` in seconds since the Unix epoch.
pub(super) async fn purge(store: &Store, now: i64) -> Result<u64> {
    let mut removed = 0;
    for (length, kept) in STEPS.into_iter().zip(KEPT) {
        let length = i32::try_from(length).map_err(|error| CoreError::Internal(error.to_string()))?;
        // An hour at a time, so that nobody waits long for the database; not all the hours since 1970, where a clock began
        // then and was set right.
        while let Some(from) = oldest(store, length).await?.filter(|from| *from < now - kept) {
            let until = (from + 3_600).min(now - kept);
            let write = store.write().await?;
            breakdowns::purge(&write.tx, length, until).await?;
            let deleted = rollups::Entity::delete_many()
                .filter(rollups::Column::Step.eq(length))
                .filter(rollups::Column::Start.lt(until))
                .exec(&write.tx)
                .await?;
            write.commit().await?;
            removed += deleted.rows_affected;
        }
    }
    let write = store.write().await?;
    runs::Entity::delete_many().filter(runs::Column::Until.lt(now - KEPT[1])).exec(&write.tx).await?;
    write.commit().await?;
    Ok(removed)
}

/// Removes what is known of subjects that are gone for good; how many rows. Whatever is measured belongs to everything, a
/// user, a tunnel, a service or a backend, and has been counted in total.
pub(super) async fn purge_gone(store: &Store) -> Result<u64> {
    let subject = totals::Column::SubjectId;
    let gone: Vec<Uuid> = totals::Entity::find()
        .select_only()
        .column(subject)
        .distinct()
        .filter(subject.ne(EVERYTHING))
        .filter(nowhere_in(subject, users::Column::Id))
        .filter(nowhere_in(subject, tunnels::Column::Id))
        .filter(nowhere_in(subject, services::Column::Id))
        .filter(nowhere_in(subject, backends::Column::Id))
        .into_tuple()
        .all(store.read())
        .await?;
    let mut removed = 0;
    // One at a time, so that nobody waits long for the database: one may have thousands of steps.
    for id in gone {
        let write = store.write().await?;
        let steps = rollups::Entity::delete_many().filter(rollups::Column::SubjectId.eq(id)).exec(&write.tx).await?;
        let details = breakdowns::forget(&write.tx, id).await?;
        let totals = totals::Entity::delete_many().filter(subject.eq(id)).exec(&write.tx).await?;
        write.commit().await?;
        removed += steps.rows_affected + details + totals.rows_affected;
    }
    Ok(removed)
}

/// When the oldest step of this length begins that is kept.
async fn oldest(store: &Store, length: i32) -> Result<Option<i64>> {
    let starts = rollups::Entity::find().filter(rollups::Column::Step.eq(length)).select_only();
    let oldest = starts.column_as(rollups::Column::Start.min(), "oldest").into_tuple::<Option<i64>>();
    Ok(oldest.one(store.read()).await?.flatten())
}

fn total_row((subject, run, counts): &(Uuid, Uuid, Counts)) -> totals::ActiveModel {
    totals::ActiveModel {
        subject_id: Set(*subject),
        run_id: Set(*run),
        informational: Set(signed(counts.by_status.informational)),
        success: Set(signed(counts.by_status.success)),
        redirection: Set(signed(counts.by_status.redirection)),
        client_error: Set(signed(counts.by_status.client_error)),
        server_error: Set(signed(counts.by_status.server_error)),
        bytes_in: Set(signed(counts.bytes_in)),
        bytes_out: Set(signed(counts.bytes_out)),
    }
}

fn step_row(subject: Uuid, step: &Step) -> rollups::ActiveModel {
    let counts = &step.measured.counts;
    rollups::ActiveModel {
        subject_id: Set(subject),
        step: Set(i32::try_from(step.length).unwrap_or(i32::MAX)),
        start: Set(step.start),
        run_id: Set(step.run),
        informational: Set(signed(counts.by_status.informational)),
        success: Set(signed(counts.by_status.success)),
        redirection: Set(signed(counts.by_status.redirection)),
        client_error: Set(signed(counts.by_status.client_error)),
        server_error: Set(signed(counts.by_status.server_error)),
        bytes_in: Set(signed(counts.bytes_in)),
        bytes_out: Set(signed(counts.bytes_out)),
        in_flight_max: Set(signed(step.measured.in_flight)),
        held_max: Set(signed(step.measured.held)),
        latency: Set(encode(step.measured.latencies.as_ref())),
    }
}

fn measured(row: &rollups::Model) -> Measured {
    Measured {
        counts: counts(
            [row.informational, row.success, row.redirection, row.client_error, row.server_error],
            row.bytes_in,
            row.bytes_out,
        ),
        in_flight: unsigned(row.in_flight_max),
        held: unsigned(row.held_max),
        latencies: decode(&row.latency),
    }
}

/// The columns that totals and steps share.
fn counts(by_class: [i64; 5], bytes_in: i64, bytes_out: i64) -> Counts {
    let [informational, success, redirection, client_error, server_error] = by_class.map(unsigned);
    Counts {
        by_status: StatusCounts { informational, success, redirection, client_error, server_error },
        bytes_in: unsigned(bytes_in),
        bytes_out: unsigned(bytes_out),
        // Only the process that measured sums latencies; percentiles come from the histograms.
        latency_us: 0,
    }
}

/// Databases have signed numbers only; ours never come near the difference.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
