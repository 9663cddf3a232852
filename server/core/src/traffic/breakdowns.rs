//! Details in the database.

use domain::{MINUTES_KEPT, Span};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::details::Details;
use super::sampler::{STEPS, Step, Unstored};
use crate::Result;
use crate::store::rows::traffic_breakdowns as breakdowns;
use crate::store::{Store, batches};

const MINUTE: i64 = STEPS[0];
const HOUR: i64 = STEPS[1];

/// Stores the details of the steps that are stored.
pub(super) async fn store(tx: &DatabaseTransaction, unstored: &Unstored) -> Result<()> {
    use breakdowns::Column as C;
    let steps: Vec<_> = unstored.steps.iter().filter(|(_, step)| !step.details.is_empty()).collect();
    for batch in batches(&steps) {
        let update =
            OnConflict::columns([C::SubjectId, C::Step, C::Start, C::RunId]).update_column(C::Details).to_owned();
        let rows = batch.iter().map(|(subject, step)| breakdowns::ActiveModel {
            subject_id: Set(*subject),
            step: Set(stored_length(step.length)),
            start: Set(step.start),
            run_id: Set(step.run),
            details: Set(step.details.encode()),
        });
        breakdowns::Entity::insert_many(rows).on_conflict(update).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Begin and end of a span, moved outwards to where a step that is kept begins or ends.
pub(super) fn whole_steps(span: Span, now: i64) -> (i64, i64) {
    let step = |at: i64| if at < now - MINUTES_KEPT { HOUR } else { MINUTE };
    let (first, last) = (step(span.from), step(span.until));
    (span.from.div_euclid(first) * first, (span.until + last - 1).div_euclid(last) * last)
}

/// What was seen from `from` to `until`, both from [`whole_steps`]: what is stored, with what is in memory in its place where
/// it is newer.
pub(super) async fn of(
    store: &Store,
    subject: Uuid,
    (from, until): (i64, i64),
    in_memory: Vec<Step>,
) -> Result<Details> {
    use breakdowns::Column as C;
    let pieces = pieces(from, until);
    let mut any = Condition::any();
    for (length, from, until) in &pieces {
        let piece = Condition::all().add(C::Step.eq(stored_length(*length))).add(C::Start.gte(*from));
        any = any.add(piece.add(C::Start.lt(*until)));
    }
    let rows = breakdowns::Entity::find().filter(C::SubjectId.eq(subject)).filter(any).all(store.read()).await?;
    let in_memory: Vec<_> = in_memory.iter().filter(|step| is_asked(&pieces, step)).collect();
    let newer = |row: &breakdowns::Model| {
        let same =
            |step: &&Step| (step.run, stored_length(step.length), step.start) == (row.run_id, row.step, row.start);
        in_memory.iter().copied().any(|step| same(&step))
    };
    let mut sum = Details::default();
    rows.iter().filter(|row| !newer(row)).for_each(|row| sum.gather(&Details::decode(&row.details)));
    in_memory.iter().for_each(|step| sum.gather(&step.details));
    Ok(sum)
}

/// The same from memory only, for what is over in minutes.
pub(super) fn of_steps(in_memory: &[Step], from: i64, until: i64) -> Details {
    let mut sum = Details::default();
    let asked = in_memory.iter().filter(|step| step.length == MINUTE && (from..until).contains(&step.start));
    asked.for_each(|step| sum.gather(&step.details));
    sum
}

/// Removes the details of steps of this length that began before `until`.
pub(super) async fn purge(tx: &DatabaseTransaction, length: i32, until: i64) -> Result<()> {
    use breakdowns::Column as C;
    let old = breakdowns::Entity::delete_many().filter(C::Step.eq(length)).filter(C::Start.lt(until));
    old.exec(tx).await?;
    Ok(())
}

/// Removes all details of a subject; how many rows.
pub(super) async fn forget(tx: &DatabaseTransaction, subject: Uuid) -> Result<u64> {
    let of = breakdowns::Entity::delete_many().filter(breakdowns::Column::SubjectId.eq(subject));
    Ok(of.exec(tx).await?.rows_affected)
}

/// The steps that make up a span: whole hours, and minutes before and after them.
pub(super) fn pieces(from: i64, until: i64) -> Vec<(i64, i64, i64)> {
    let (first, last) = ((from + HOUR - 1).div_euclid(HOUR) * HOUR, until.div_euclid(HOUR) * HOUR);
    if first >= last {
        return vec![(MINUTE, from, until)];
    }
    let pieces = [(MINUTE, from, first), (HOUR, first, last), (MINUTE, last, until)];
    pieces.into_iter().filter(|(_, from, until)| from < until).collect()
}

/// Whether a step is one of those.
pub(super) fn is_asked(pieces: &[(i64, i64, i64)], step: &Step) -> bool {
    pieces.iter().any(|(length, from, until)| step.length == *length && (*from..*until).contains(&step.start))
}

/// The length of a step as the column holds it.
pub(super) fn stored_length(length: i64) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_made_of_hours_and_of_minutes_at_its_ends() {
        assert_eq!(pieces(3_600, 7_200), [(HOUR, 3_600, 7_200)]);
        assert_eq!(pieces(3_660, 7_140), [(MINUTE, 3_660, 7_140)]);
        let all = [(MINUTE, 3_540, 3_600), (HOUR, 3_600, 10_800), (MINUTE, 10_800, 10_860)];
        assert_eq!(pieces(3_540, 10_860), all);
    }

    #[test]
    fn where_minutes_are_gone_it_is_whole_hours() {
        let now = 100 * 86_400;
        let span = |from, until| Span { from: now - from, until: now - until, step: 1 };
        assert_eq!(whole_steps(span(299, -1), now), (now - 300, now + 60));
        assert_eq!(whole_steps(span(200_000, 180_000), now), (now - 201_600, now - 180_000));
    }
}
