//! Switching the enabled tag of a domain or a route: all at once, or step by step with an eye on how the new one does.

use crate::{
    CoreError, Listing, Page, Result, TargetEntry, Viewer,
    accounts::to_user,
    edit::{self, Desk, Edit, scope, target_of, unknown_tag},
    hosts, page, routes as route_rows,
    store::{
        now, parse, read_json, read_word,
        rows::{backends, domains, routes, switches, users},
        write_json,
    },
};
use domain::{
    BackendId, BackendState, DomainId, RevisionAction, RouteId, RuleId, ServiceId, Switch, SwitchId, SwitchMode,
    SwitchPlan, SwitchState, SwitchWatch, Tag, UserId,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use std::{collections::HashMap, fmt};
use uuid::Uuid;

/// Why a switch ended that somebody took back.
const BACK: &str = "it was switched back";
/// How many domains, and how many routes, of those that lead to a service are followed live.
const MOST_RULES: u64 = 20;

/// How a tag is switched.
#[derive(Debug, Clone, PartialEq)]
pub enum SwitchHow {
    /// All traffic at once.
    AtOnce,
    /// All traffic at once, and back when the new tag does not do well.
    Watched(SwitchWatch),
    /// Step by step.
    Gradual(SwitchPlan),
}

impl SwitchHow {
    /// What is followed until it is over.
    fn plan(&self) -> Option<SwitchPlan> {
        match self {
            Self::AtOnce => None,
            Self::Watched(watch) => Some(watch.clone().into()),
            Self::Gradual(plan) => Some(plan.clone()),
        }
    }

    fn mode(&self) -> SwitchMode {
        match self {
            Self::AtOnce | Self::Watched(_) => SwitchMode::AtOnce,
            Self::Gradual(_) => SwitchMode::Gradual,
        }
    }

    /// What a plan is called that is not one.
    fn field(&self) -> &'static str {
        match self {
            Self::Watched(_) => "watch",
            Self::AtOnce | Self::Gradual(_) => "plan",
        }
    }
}

/// What is asked for when a tag is switched.
#[derive(Clone)]
pub struct SwitchRequest<'a> {
    /// The tag that is to serve.
    pub new_tag: Tag,
    /// How it goes.
    pub how: SwitchHow,
    /// Whether it is done even if nobody could serve then.
    pub force: bool,
    /// Whether a backend is healthy, as far as whoever asks knows; unknown is healthy.
    pub healthy: &'a (dyn Fn(BackendId) -> bool + Send + Sync),
}

impl fmt::Debug for SwitchRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchRequest")
            .field("new_tag", &self.new_tag)
            .field("how", &self.how)
            .field("force", &self.force)
            .finish_non_exhaustive()
    }
}

impl Edit<'_> {
    pub(crate) async fn switch_domain(&mut self, row: domains::Model, request: SwitchRequest<'_>) -> Result<()> {
        hosts::check_kept(&row)?;
        let rule = RuleId::Domain(DomainId(row.id));
        let Some(new) = self.switched(rule, &target_of!(&row)?, &request).await? else { return Ok(()) };
        let changed = domains::Model { tag: Some(new), ..row.clone() };
        self.write_domain(row, changed, RevisionAction::Switched).await.map(drop)
    }

    pub(crate) async fn switch_route(&mut self, row: routes::Model, request: SwitchRequest<'_>) -> Result<()> {
        route_rows::check_kept(&row)?;
        let rule = RuleId::Route(RouteId(row.id));
        let Some(new) = self.switched(rule, &target_of!(&row)?, &request).await? else { return Ok(()) };
        let changed = routes::Model { tag: Some(new), ..row.clone() };
        self.write_route(row, changed, RevisionAction::Switched).await.map(drop)
    }

    /// Lets all backends serve, whatever their tags, as they did before one was enabled.
    pub(crate) async fn untag_domain(&mut self, row: domains::Model) -> Result<()> {
        hosts::check_kept(&row)?;
        let rule = RuleId::Domain(DomainId(row.id));
        self.end_switches(row.id, BACK).await?;
        if row.tag.is_some() {
            self.record_switch(self.at_once(rule, row.tag.clone(), None)).await?;
            let changed = domains::Model { tag: None, ..row.clone() };
            self.write_domain(row, changed, RevisionAction::Switched).await?;
        }
        self.routed_differently(rule);
        Ok(())
    }

    /// The same of a route.
    pub(crate) async fn untag_route(&mut self, row: routes::Model) -> Result<()> {
        route_rows::check_kept(&row)?;
        let rule = RuleId::Route(RouteId(row.id));
        self.end_switches(row.id, BACK).await?;
        if row.tag.is_some() {
            self.record_switch(self.at_once(rule, row.tag.clone(), None)).await?;
            let changed = routes::Model { tag: None, ..row.clone() };
            self.write_route(row, changed, RevisionAction::Switched).await?;
        }
        self.routed_differently(rule);
        Ok(())
    }

    /// Looks whether the switch may be, and notes it. `None`: the tag is enabled already.
    async fn switched(
        &mut self,
        rule: RuleId,
        target: &TargetEntry,
        request: &SwitchRequest<'_>,
    ) -> Result<Option<String>> {
        let TargetEntry::Service { id, tag } = target else {
            return Err(CoreError::conflict("no_tag", "only what leads to a service has a tag to switch"));
        };
        let carriers = self.carriers(id.0, &request.new_tag).await?;
        check(&carriers, request)?;
        let plan = request.how.plan();
        if let Some(plan) = &plan {
            plan.check().map_err(|error| CoreError::invalid(request.how.field(), error))?;
        }
        let subject = words(rule).1;
        if tag.as_ref() == Some(&request.new_tag) {
            self.kept(subject, request).await?;
            self.routed_differently(rule);
            return Ok(None);
        }
        self.end_switches(subject, "another switch was started").await?;
        let new = request.new_tag.to_string();
        let done = self.at_once(rule, tag.as_ref().map(ToString::to_string), Some(new.clone()));
        let row = match plan {
            None => done,
            Some(plan) => switches::Model {
                mode: request.how.mode().as_str().into(),
                plan: Some(write_json(&plan)?),
                state: SwitchState::Running.as_str().into(),
                ended_at: None,
                ..done
            },
        };
        self.record_switch(row).await?;
        self.routed_differently(rule);
        Ok((request.how.mode() == SwitchMode::AtOnce).then_some(new))
    }

    /// Ends what is under way where the tag that serves is wanted. While another one was switched to, that means to go back,
    /// and while it was watched, that it need not be any more.
    async fn kept(&self, subject: Uuid, request: &SwitchRequest<'_>) -> Result<()> {
        let running = switches::Entity::find()
            .filter(switches::Column::SubjectId.eq(subject))
            .filter(switches::Column::State.eq(SwitchState::Running.as_str()));
        let Some(row) = running.one(self.tx()).await? else { return Ok(()) };
        if row.mode != SwitchMode::AtOnce.as_str() {
            return self.end_switches(subject, BACK).await;
        }
        if request.how == SwitchHow::AtOnce {
            let row = switches::Model { state: SwitchState::Done.as_str().into(), ended_at: Some(now()), ..row };
            edit::update::<switches::Entity, _>(self.tx(), row).await?;
        }
        Ok(())
    }

    /// A switch of a rule from one tag to another that is over as soon as it is made.
    fn at_once(&self, rule: RuleId, from: Option<String>, to: Option<String>) -> switches::Model {
        let (kind, subject) = words(rule);
        let moment = now();
        switches::Model {
            id: Uuid::now_v7(),
            subject_kind: kind.into(),
            subject_id: subject,
            from_tag: from,
            to_tag: to.unwrap_or_default(),
            mode: SwitchMode::AtOnce.as_str().into(),
            plan: None,
            state: SwitchState::Done.as_str().into(),
            reason: None,
            actor_id: self.actor().id().0,
            started_at: moment,
            ended_at: Some(moment),
        }
    }

    /// Takes note where a change of a rule is a switch: it leads to the same service, with another tag.
    pub(crate) async fn retagged(&self, rule: RuleId, old: &TargetEntry, new: &TargetEntry) -> Result<()> {
        match (old, new) {
            (TargetEntry::Service { id: old, tag: from }, TargetEntry::Service { id: new, tag: to }) if old == new => {
                let [from, to] = [from, to].map(|tag| tag.as_ref().map(ToString::to_string));
                self.record_switch(self.at_once(rule, from, to)).await
            }
            _ => Ok(()),
        }
    }
}

/// How a switch that was on its way has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchEnd {
    /// All its steps are over: the new tag serves.
    Done,
    /// The new tag crossed a limit, and the old one serves on; the text says which.
    Returned(String),
}

/// Switches that are on their way.
#[derive(Debug)]
pub struct Switches {
    pub(crate) desk: Desk,
}

impl Switches {
    /// What leads to a service, with its enabled tag and the switch that is under way; of switches in `known` also how they
    /// have ended.
    pub(crate) async fn leading_to(
        &self,
        viewer: &Viewer,
        service: ServiceId,
        known: impl Iterator<Item = SwitchId>,
    ) -> Result<HashMap<RuleId, (Option<Tag>, Option<Switch>)>> {
        let connection = self.desk.read();
        let domains = domains::Entity::find()
            .filter(
                scope(viewer, domains::Column::OwnerId)
                    .add(domains::Column::DeletedAt.is_null())
                    .add(domains::Column::ServiceId.eq(service.0)),
            )
            .order_by_desc(domains::Column::Id)
            .limit(MOST_RULES)
            .all(connection)
            .await?;
        let routes = routes::Entity::find()
            .filter(
                scope(viewer, routes::Column::OwnerId)
                    .add(routes::Column::DeletedAt.is_null())
                    .add(routes::Column::ServiceId.eq(service.0)),
            )
            .order_by_desc(routes::Column::Id)
            .limit(MOST_RULES)
            .all(connection)
            .await?;
        let domains = domains.iter().map(|row| (RuleId::Domain(DomainId(row.id)), &row.tag));
        let routes = routes.iter().map(|row| (RuleId::Route(RouteId(row.id)), &row.tag));
        let tagged =
            domains.chain(routes).map(|(rule, tag)| Ok((rule, (tag.as_deref().map(parse).transpose()?, None))));
        let mut rules = tagged.collect::<Result<HashMap<_, _>>>()?;
        let subjects: HashMap<_, _> = rules.keys().map(|rule| (words(*rule).1, *rule)).collect();
        let (subject, state) = (switches::Column::SubjectId, switches::Column::State);
        let wanted = state.eq(SwitchState::Running.as_str()).or(switches::Column::Id.is_in(known.map(|id| id.0)));
        let rows = switches::Entity::find().filter(subject.is_in(subjects.keys().copied()).and(wanted));
        // In the order of their beginning: what is under way replaces what has ended.
        for row in rows.order_by_asc(switches::Column::Id).all(connection).await? {
            let Some(rule) = subjects.get(&row.subject_id) else { continue };
            if let Some((_, switch)) = rules.get_mut(rule) {
                *switch = Some(shown(*rule, row)?);
            }
        }
        Ok(rules)
    }

    /// Ends a switch. One that was ended meanwhile, by another node or by somebody, stays as it is.
    ///
    /// # Errors
    /// When the database is away; then it is still on its way.
    pub async fn end(&self, id: SwitchId, end: SwitchEnd) -> Result<()> {
        let running = switches::Entity::find_by_id(id.0).filter(switches::Column::State.eq("running"));
        let Some(row) = running.clone().one(self.desk.read()).await? else { return Ok(()) };
        let actor = users::Entity::find_by_id(row.actor_id).one(self.desk.read()).await?;
        let actor = actor.ok_or(CoreError::NotFound("user")).and_then(to_user).map(Viewer::new)?;
        let mut edit = self.desk.open(&actor).await?;
        // Who began it has not asked for that.
        edit.name_actor(matches!(end, SwitchEnd::Done));
        let Some(row) = running.one(edit.tx()).await? else { return Ok(()) };
        let rule = match row.subject_kind.as_str() {
            "domain" => RuleId::Domain(DomainId(row.subject_id)),
            _ => RuleId::Route(RouteId(row.subject_id)),
        };
        let (state, reason) = edit.ended(&row, end).await?;
        let row = switches::Model { state: state.as_str().into(), reason, ended_at: Some(now()), ..row };
        edit::update::<switches::Entity, _>(edit.tx(), row).await?;
        edit.routed_differently(rule);
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Lets the rule of a switch have the tag that the switch ends with, and gives what is to be noted of the end.
    async fn ended(&mut self, row: &switches::Model, end: SwitchEnd) -> Result<(SwitchState, Option<String>)> {
        let was_at_once = row.mode == SwitchMode::AtOnce.as_str();
        match end {
            SwitchEnd::Done if was_at_once => Ok((SwitchState::Done, None)),
            SwitchEnd::Done => {
                self.enable(row, Some(row.to_tag.clone())).await?;
                Ok((SwitchState::Done, None))
            }
            SwitchEnd::Returned(reason) if was_at_once => {
                if !self.would_serve_again(row).await? {
                    let reason = format!("{reason}; it stays, since no backend runs that served before");
                    return Ok((SwitchState::Done, Some(reason)));
                }
                self.enable(row, row.from_tag.clone()).await?;
                Ok((SwitchState::Returned, Some(reason)))
            }
            SwitchEnd::Returned(reason) => Ok((SwitchState::Returned, Some(reason))),
        }
    }

    /// Whether somebody would serve if a switch that was made went back.
    async fn would_serve_again(&self, switch: &switches::Model) -> Result<bool> {
        let Some(tag) = &switch.from_tag else { return Ok(true) };
        let id = switch.subject_id;
        let service = match switch.subject_kind.as_str() {
            "domain" => domains::Entity::find_by_id(id).one(self.tx()).await?.and_then(|row| row.service_id),
            _ => routes::Entity::find_by_id(id).one(self.tx()).await?.and_then(|row| row.service_id),
        };
        let Some(service) = service else { return Ok(false) };
        let before = self.carriers(service, &parse(tag)?).await?;
        Ok(before.iter().any(|row| row.state == BackendState::Running.as_str()))
    }

    /// Gives the rule of a switch a tag.
    async fn enable(&mut self, switch: &switches::Model, tag: Option<String>) -> Result<()> {
        if switch.subject_kind == "domain" {
            let row = domains::Entity::find_by_id(switch.subject_id).one(self.tx()).await?;
            if let Some(row) = row {
                let changed = domains::Model { tag, ..row.clone() };
                self.write_domain(row, changed, RevisionAction::Switched).await?;
            }
        } else if let Some(row) = routes::Entity::find_by_id(switch.subject_id).one(self.tx()).await? {
            let changed = routes::Model { tag, ..row.clone() };
            self.write_route(row, changed, RevisionAction::Switched).await?;
        }
        Ok(())
    }
}

fn check(carriers: &[backends::Model], request: &SwitchRequest<'_>) -> Result<()> {
    let tag = &request.new_tag;
    if carriers.is_empty() {
        return Err(unknown_tag(tag));
    }
    if request.force {
        return Ok(());
    }
    let mut running = Vec::new();
    for row in carriers {
        if read_word::<BackendState>(&row.state)? == BackendState::Running {
            running.push(BackendId(row.id));
        }
    }
    if running.is_empty() {
        let message = format!("no backend with the tag {tag} is running; start one, or force the switch");
        return Err(CoreError::conflict("no_backends", message));
    }
    if !running.iter().any(|id| (request.healthy)(*id)) {
        let message = format!("no backend with the tag {tag} is healthy; look at them, or force the switch");
        return Err(CoreError::conflict("unhealthy_target", message));
    }
    Ok(())
}

fn words(rule: RuleId) -> (&'static str, Uuid) {
    match rule {
        RuleId::Domain(id) => ("domain", id.0),
        RuleId::Route(id) => ("route", id.0),
    }
}

/// The switches of a rule that the caller may see, newest first.
pub(crate) async fn list(connection: &impl ConnectionTrait, rule: RuleId, page: Page) -> Result<Listing<Switch>> {
    let limit = page.limit()?;
    let mut query = switches::Entity::find().filter(switches::Column::SubjectId.eq(words(rule).1));
    if let Some(after) = page.after::<Uuid>()? {
        query = query.filter(switches::Column::Id.lt(after));
    }
    let mut rows = query.order_by_desc(switches::Column::Id).limit(limit as u64 + 1).all(connection).await?;
    let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
    Ok(Listing { items: rows.into_iter().map(|row| shown(rule, row)).collect::<Result<_>>()?, next_cursor })
}

fn shown(rule: RuleId, row: switches::Model) -> Result<Switch> {
    Ok(Switch {
        id: SwitchId(row.id),
        rule,
        from_tag: row.from_tag.as_deref().map(parse).transpose()?,
        to_tag: Some(row.to_tag.as_str()).filter(|tag| !tag.is_empty()).map(parse).transpose()?,
        mode: read_word(&row.mode)?,
        plan: row.plan.as_deref().map(read_json).transpose()?,
        state: read_word(&row.state)?,
        reason: row.reason,
        actor_id: UserId(row.actor_id),
        started_at: row.started_at,
        ended_at: row.ended_at,
    })
}
