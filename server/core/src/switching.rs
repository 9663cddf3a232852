//! Switching the enabled tag of a domain or a route: all at once, or step by step with an eye on how the new one does.

use crate::{
    CoreError, Listing, Page, Result, TargetEntry, Viewer,
    accounts::to_user,
    edit::{self, Desk, Edit, target_of, unknown_tag},
    hosts, page, routes as route_rows,
    store::{
        now, parse, read_json, read_word,
        rows::{backends, domains, routes, switches, users},
        write_json,
    },
};
use domain::{
    BackendId, BackendState, DomainId, RevisionAction, RouteId, RuleId, Switch, SwitchId, SwitchMode, SwitchPlan,
    SwitchState, Tag, UserId,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::fmt;
use uuid::Uuid;

/// What is asked for when a tag is switched.
#[derive(Clone)]
pub struct SwitchRequest<'a> {
    /// The tag that is to serve.
    pub new_tag: Tag,
    /// How it goes; `None`: all at once.
    pub plan: Option<SwitchPlan>,
    /// Whether it is done even if nobody could serve then.
    pub force: bool,
    /// Whether a backend is healthy, as far as whoever asks knows; unknown is healthy.
    pub healthy: &'a (dyn Fn(BackendId) -> bool + Send + Sync),
}

impl fmt::Debug for SwitchRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchRequest")
            .field("new_tag", &self.new_tag)
            .field("plan", &self.plan)
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
        if let Some(plan) = &request.plan {
            plan.check().map_err(|error| CoreError::invalid("plan", error))?;
        }
        let (kind, subject) = words(rule);
        if tag.as_ref() == Some(&request.new_tag) {
            // Whoever wants the tag that serves while another one is switched to, wants to go back.
            self.end_switches(subject, "it was switched back").await?;
            self.routed_differently();
            return Ok(None);
        }
        self.end_switches(subject, "another switch was started").await?;
        let moment = now();
        let at_once = request.plan.is_none();
        let row = switches::Model {
            id: Uuid::now_v7(),
            subject_kind: kind.into(),
            subject_id: subject,
            from_tag: tag.as_ref().map(ToString::to_string),
            to_tag: request.new_tag.to_string(),
            mode: if at_once { SwitchMode::AtOnce } else { SwitchMode::Gradual }.as_str().into(),
            plan: request.plan.as_ref().map(write_json).transpose()?,
            state: if at_once { SwitchState::Done } else { SwitchState::Running }.as_str().into(),
            reason: None,
            actor_id: self.actor().id().0,
            started_at: moment,
            ended_at: at_once.then_some(moment),
        };
        edit::insert::<switches::Entity, _>(self.tx(), row).await?;
        self.routed_differently();
        Ok(at_once.then(|| request.new_tag.to_string()))
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
        let Some(row) = running.one(edit.tx()).await? else { return Ok(()) };
        if end == SwitchEnd::Done {
            edit.enable(&row).await?;
        }
        let (state, reason) = match end {
            SwitchEnd::Done => (SwitchState::Done, None),
            SwitchEnd::Returned(reason) => (SwitchState::Returned, Some(reason)),
        };
        let row = switches::Model { state: state.as_str().into(), reason, ended_at: Some(now()), ..row };
        edit::update::<switches::Entity, _>(edit.tx(), row).await?;
        edit.routed_differently();
        edit.commit().await
    }
}

impl Edit<'_> {
    /// Gives the rule of a switch its new tag.
    async fn enable(&mut self, switch: &switches::Model) -> Result<()> {
        let tag = Some(switch.to_tag.clone());
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
    let shown = |row: switches::Model| {
        Ok(Switch {
            id: SwitchId(row.id),
            rule,
            from_tag: row.from_tag.as_deref().map(parse).transpose()?,
            to_tag: parse(&row.to_tag)?,
            mode: read_word(&row.mode)?,
            plan: row.plan.as_deref().map(read_json).transpose()?,
            state: read_word(&row.state)?,
            reason: row.reason,
            actor_id: UserId(row.actor_id),
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    };
    Ok(Listing { items: rows.into_iter().map(shown).collect::<Result<_>>()?, next_cursor })
}
