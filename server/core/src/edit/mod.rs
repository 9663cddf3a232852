//! Changing what is routed by: a transaction with the one who makes the change, which leaves a revision of each object.

mod front;
mod limits;
mod names;
mod owners;
mod reference;
mod target;

use crate::{
    Change, Changes, ConnectPolicy, Expected, Outside, Plan, Result, RoutingSettings, Touched, Viewer,
    auth::Passwords,
    resealing,
    store::{
        Newest, Store, Vault, Write, now,
        rows::{revisions, switches},
        unique_violation, write_json,
    },
};
use domain::{Hostname, RevisionAction, RevisionKind, RuleId, ServiceId, Tag, Timestamp};
pub(crate) use front::check_front;
pub(crate) use limits::Counted;
use limits::Counts;
pub(crate) use names::Names;
pub(crate) use owners::{Owner, scope};
pub use reference::{DomainRef, Reference, ServiceRef};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, sea_query::OnConflict,
};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
pub(crate) use target::{TargetColumns, target_of, unknown_tag};
use uuid::Uuid;

/// How many revisions of one object are kept.
const REVISIONS: Newest<revisions::Entity> = {
    use revisions::Column;
    Newest { id: Column::Id, list: Column::ObjectId, age: Column::Id, most: 200 }
};
/// How many switches of one domain or route.
const SWITCHES: Newest<switches::Entity> = {
    use switches::Column;
    Newest { id: Column::Id, list: Column::SubjectId, age: Column::Id, most: 200 }
};

/// Where changes are made; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    inner: Arc<Inner>,
    /// Of which states of things changes are made.
    expected: Expected,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    changes: Changes,
    dashboard: Option<Hostname>,
    tunnel_domain: Hostname,
    settings: RoutingSettings,
    outside: Arc<Outside>,
    /// Visitors' passwords have cores and a queue of their own, so that guessing them keeps nobody from signing in.
    visitors: Passwords,
}

/// A change under way; nothing of it happened unless [`commit`](Self::commit) returned.
pub(crate) struct Edit<'a> {
    write: Write<'a>,
    /// Whether the database's key is known to be this server's, without which nothing is sealed.
    claimed: bool,
    desk: &'a Desk,
    actor: Viewer,
    /// What a document that is applied has changed so far; `None`: a person changes one thing.
    applied: Option<Plan>,
    /// What was changed that is routed by.
    touched: Touched,
    counts: Counts,
    names: Names,
    /// Whether revisions name who makes the change.
    named: bool,
    /// Tags of services that telephones bring, as the document says.
    expected: HashSet<(Uuid, Tag)>,
}

/// What a revision is about.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: RevisionKind,
    pub(crate) id: Uuid,
    pub(crate) owner: Uuid,
    pub(crate) name: String,
}

impl Desk {
    pub(crate) fn new(store: Store, changes: Changes, settings: &crate::Settings, visitors: Passwords) -> Self {
        let inner = Inner {
            store,
            changes,
            dashboard: settings.public_url.host_str().and_then(|host| host.parse().ok()),
            tunnel_domain: settings.tunnel_domain.clone(),
            settings: settings.routing.clone(),
            outside: settings.outside.clone(),
            visitors,
        };
        Self { inner: Arc::new(inner), expected: Expected::Anything }
    }

    /// The same for changes of what is as expected only.
    pub(crate) fn expecting(&self, expected: Expected) -> Self {
        Self { inner: Arc::clone(&self.inner), expected }
    }

    /// For reading.
    pub(crate) fn read(&self) -> &DatabaseConnection {
        self.inner.store.read()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The dashboard's host name; `None` when it is an IP address.
    pub(crate) fn dashboard(&self) -> Option<&Hostname> {
        self.inner.dashboard.as_ref()
    }

    pub(crate) fn tunnel_domain(&self) -> &Hostname {
        &self.inner.tunnel_domain
    }

    pub(crate) fn settings(&self) -> &RoutingSettings {
        &self.inner.settings
    }

    /// Where connections of what is an administrator's or a member's may lead.
    pub(crate) fn policy(&self, of_administrator: bool) -> ConnectPolicy {
        self.inner.outside.policy(of_administrator)
    }

    /// Tells other processes what is routed differently, once this transaction has succeeded.
    pub(crate) async fn tell(&self, tx: &DatabaseTransaction, touched: &Touched) -> Result<()> {
        Ok(crate::news::tell(tx, &self.inner.changes, touched).await?)
    }

    /// Tells this process what is routed differently now.
    pub(crate) fn publish(&self, touched: Touched) {
        self.inner.changes.publish_touched(Change::Routing, touched);
    }

    /// Begins a change, after those that others have begun.
    pub(crate) async fn open(&self, actor: &Viewer) -> Result<Edit<'_>> {
        let write = self.inner.store.write_rules().await?;
        Ok(Edit {
            write,
            claimed: false,
            desk: self,
            actor: actor.clone(),
            applied: None,
            touched: Touched::default(),
            counts: Counts::default(),
            names: Names::default(),
            named: true,
            expected: HashSet::new(),
        })
    }
}

impl<'a> Edit<'a> {
    pub(crate) fn tx(&self) -> &DatabaseTransaction {
        &self.write.tx
    }

    pub(crate) fn desk(&self) -> &'a Desk {
        self.desk
    }

    pub(crate) fn actor(&self) -> &Viewer {
        &self.actor
    }

    /// Refuses to change what was changed since it was looked at.
    ///
    /// # Errors
    /// `Changed`.
    pub(crate) fn require_unchanged(&self, updated_at: Timestamp) -> Result<()> {
        self.desk.expected.check(updated_at)
    }

    pub(crate) fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// From now on a document is applied: revisions say so, and what is changed is kept for whoever asked.
    pub(crate) fn applying(mut self) -> Self {
        self.applied = Some(Plan::default());
        self
    }

    pub(crate) fn is_applying(&self) -> bool {
        self.applied.is_some()
    }

    /// What was changed by the document.
    pub(crate) fn take_plan(&mut self) -> Plan {
        self.applied.take().unwrap_or_default()
    }

    /// Forgets all of it.
    pub(crate) async fn roll_back(self) -> Result<()> {
        Ok(self.write.tx.rollback().await?)
    }

    /// Stores all of it and tells of it.
    pub(crate) async fn commit(self) -> Result<()> {
        if !self.touched.is_empty() {
            self.desk.tell(self.tx(), &self.touched).await?;
        }
        self.write.commit().await?;
        if !self.touched.is_empty() {
            self.desk.publish(self.touched);
        }
        Ok(())
    }

    /// From now on these tags may be enabled though no backend of the service carries them.
    pub(crate) fn expect_tags(&mut self, service: Uuid, tags: &BTreeSet<Tag>) {
        self.expected.extend(tags.iter().map(|tag| (service, tag.clone())));
    }

    /// Whether this tag may.
    pub(crate) fn expects(&self, service: ServiceId, tag: &Tag) -> bool {
        self.expected.contains(&(service.0, tag.clone()))
    }

    /// Whether revisions say from now on who makes the change.
    pub(crate) fn name_actor(&mut self, named: bool) {
        self.named = named;
    }

    /// A rule leads elsewhere, though nothing of it was changed.
    pub(crate) fn routed_differently(&mut self, rule: RuleId) {
        self.touched.rule(rule);
    }

    /// Leaves a revision, and takes the oldest away when an object has too many.
    pub(crate) async fn record<S: Serialize>(
        &mut self,
        object: Object,
        action: RevisionAction,
        before: Option<&S>,
        after: Option<&S>,
    ) -> Result<()> {
        let action = match &mut self.applied {
            Some(plan) => {
                plan.note(&object, before, after)?;
                RevisionAction::Applied
            }
            None => action,
        };
        // Of tunnels, whoever changes them tells.
        if object.kind != RevisionKind::Tunnel {
            self.touched.object(object.kind, object.id);
        }
        let (id, vault) = (Uuid::now_v7(), self.desk.store().vault());
        let kept = |side: &str, spec: &S| vault.kept_document(id, side, write_json(spec)?);
        let row = revisions::Model {
            id,
            at: now(),
            actor_id: self.named.then(|| self.actor.id().0),
            actor_email: self.named.then(|| self.actor.user().email.to_string()),
            owner_id: object.owner,
            kind: object.kind.as_str().into(),
            object_id: object.id,
            object_name: object.name,
            action: action.as_str().into(),
            before: before.map(|spec| kept("before", spec)).transpose()?,
            after: after.map(|spec| kept("after", spec)).transpose()?,
        };
        // Whatever is sealed of a rule is so in its history, too.
        if !self.claimed && [&row.before, &row.after].into_iter().flatten().any(|text| Vault::is_sealed(text)) {
            resealing::claim(&self.write.tx, vault).await?;
            self.claimed = true;
        }
        insert::<revisions::Entity, _>(self.tx(), row).await?;
        REVISIONS.keep(self.tx(), object.id).await?;
        Ok(())
    }

    /// Takes note of a switch of a rule, and forgets the oldest ones when there are many.
    pub(crate) async fn record_switch(&self, row: switches::Model) -> Result<()> {
        let subject = row.subject_id;
        insert::<switches::Entity, _>(self.tx(), row).await?;
        SWITCHES.keep(self.tx(), subject).await?;
        Ok(())
    }

    /// Ends switches of a rule that goes elsewhere.
    pub(crate) async fn end_switches(&self, subject: Uuid, reason: &str) -> Result<()> {
        switches::Entity::update_many()
            .col_expr(switches::Column::State, "cancelled".into())
            .col_expr(switches::Column::Reason, reason.into())
            .col_expr(switches::Column::EndedAt, now().into())
            .filter(switches::Column::SubjectId.eq(subject))
            .filter(switches::Column::State.eq("running"))
            .exec(self.tx())
            .await?;
        Ok(())
    }
}

/// Writes a row that is not there yet.
pub(crate) async fn insert<E, M>(tx: &DatabaseTransaction, row: M) -> Result<(), DbErr>
where
    E: EntityTrait,
    M: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    E::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a row unless it is there.
pub(crate) async fn insert_new<E, M>(tx: &DatabaseTransaction, row: M) -> Result<(), DbErr>
where
    E: EntityTrait,
    M: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let nothing = OnConflict::new().do_nothing().to_owned();
    E::insert(row.into_active_model().reset_all()).on_conflict(nothing).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes all columns of a row that is there.
pub(crate) async fn update<E, M>(tx: &DatabaseTransaction, row: M) -> Result<(), DbErr>
where
    E: EntityTrait,
    M: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    E::update(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// What a violated unique index means.
pub(crate) fn taken(code: &'static str, message: String) -> impl FnOnce(DbErr) -> crate::CoreError {
    move |error| match unique_violation(&error) {
        Some(_) => crate::CoreError::conflict(code, message),
        None => error.into(),
    }
}

/// The one row that a name means: the viewer's own before somebody else's, what lives before what is deleted. Only
/// administrators see several owners'.
pub(crate) fn one_of<R>(
    rows: Vec<R>,
    viewer: &Viewer,
    what: &'static str,
    owner_and_deleted: impl Fn(&R) -> (Uuid, bool),
) -> Result<R> {
    let own = |row: &R| owner_and_deleted(row).0 == viewer.id().0;
    let live = |row: &R| !owner_and_deleted(row).1;
    let others = rows.iter().filter(|row| live(row) && !own(row)).count();
    let chosen = rows
        .iter()
        .position(|row| own(row) && live(row))
        .or_else(|| rows.iter().position(live))
        .or_else(|| rows.iter().position(own))
        .or(if rows.is_empty() { None } else { Some(0) });
    match chosen.and_then(|index| rows.into_iter().nth(index)) {
        None => Err(crate::CoreError::NotFound(what)),
        Some(row) if others > 1 && !own(&row) => Err(crate::CoreError::conflict(
            "ambiguous_name",
            format!("several users have a {what} of this name; name it by its id"),
        )),
        Some(row) => Ok(row),
    }
}
