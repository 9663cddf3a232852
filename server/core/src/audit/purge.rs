//! The log has a bound in time and number. Failures, which strangers make, have one of their own, and so have refused
//! telephones and short-lived tokens, which machines show or ask for all day, and whom no host has let in.
//!
//! All else has a bound for each member, so that nobody pushes out what others did by doing much, and what administrators
//! and whoever runs the server did has one apart from that of all members together.

use super::Audit;
use crate::{
    Result,
    purge::administrators,
    store::{
        Newest, keep_newest, now, remove_in_steps,
        rows::audit_events::{Column, Entity},
    },
};
use chrono::TimeDelta;
use domain::AuditKind;
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, Func},
};

/// How long what happened is kept.
const KEPT: TimeDelta = TimeDelta::days(365);
/// What has a bound of its own, so that however much there is of it nothing else is pushed out.
const APART: [&[AuditKind]; 4] = [
    &[
        AuditKind::SignInFailed,
        AuditKind::SecondFactorFailed,
        AuditKind::SignInDelayed,
        AuditKind::LinkRefused,
        AuditKind::SetUpRefused,
    ],
    &[AuditKind::TelephoneRefused],
    &[AuditKind::TokenExchanged],
    &[AuditKind::EntryRefused],
];
/// How much is kept of each of those.
const OF_EACH: u64 = 20_000;
/// How much is kept of all else: of administrators and whoever runs the server, and of all members.
const OTHERS: u64 = 100_000;
/// What is kept of what one member did, to the own account or to others'.
const BY_ONE: Newest<Entity> = Newest { id: Column::Id, list: Column::ActorId, age: Column::Id, most: 5_000 };
/// What is kept of what happened to one member's account with nobody signed in, as far as it happens as often as somebody
/// who has its password or cookie wants. The rest is seldom, and done by whoever runs the server.
const OF_ONE: Newest<Entity> = Newest { id: Column::Id, list: Column::AccountId, age: Column::Id, most: 5_000 };
/// What that is.
const REPEATED: [AuditKind; 3] = [AuditKind::Entered, AuditKind::SignedOut, AuditKind::RefreshReused];

impl Audit {
    /// Removes what is too old or too much, the oldest first; how many.
    pub(crate) async fn purge(&self) -> Result<u64> {
        let store = &self.store;
        let old = Condition::all().add(Column::At.lt(now() - KEPT));
        let mut removed = remove_in_steps::<Entity>(store, Column::Id, &old).await?;

        // Of each member before all together. Nothing that is kept apart has an actor, so that an index has the answer.
        let by_members = Condition::all().add(Column::ActorId.not_in_subquery(administrators()));
        removed += BY_ONE.keep_all(store, by_members).await?;
        let of_members = Condition::all()
            .add(Column::ActorId.is_null())
            .add(Column::Kind.is_in(words(&REPEATED)))
            .add(Column::AccountId.not_in_subquery(administrators()));
        removed += OF_ONE.keep_all(store, of_members).await?;

        for kinds in APART {
            let which = Condition::all().add(Column::Kind.is_in(words(kinds)));
            removed += keep_newest::<Entity>(store, Column::Id, &which, OF_EACH).await?;
        }
        let rest = || Condition::all().add(Column::Kind.is_not_in(words(&APART.concat())));
        let whose = || Func::coalesce([Expr::col(Column::ActorId), Expr::col(Column::AccountId)]);
        let of_administrators = Condition::any().add(whose().is_null()).add(whose().in_subquery(administrators()));
        let of_members = Condition::all().add(whose().not_in_subquery(administrators()));
        for which in [of_administrators, of_members] {
            removed += keep_newest::<Entity>(store, Column::Id, &rest().add(which), OTHERS).await?;
        }
        Ok(removed)
    }
}

fn words(kinds: &[AuditKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}
