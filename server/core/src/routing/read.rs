//! Reading the snapshot.

use super::{
    BackendEntry, BackendOrigin, HostEntry, RegionEntry, RoutingChanges, RuleEntry, RunningSwitch, ServiceEntry,
};
use crate::{
    Result, Touched,
    edit::target_of,
    pools::weight_of,
    store::{
        Vault, parse, read_json, read_word,
        rows::{backends, domains, regions, routes, services, switches, users},
        shared_front,
    },
};
use domain::{
    BackendId, DomainId, RequestRate, Role, RouteId, RuleId, ServiceId, SwitchId, SwitchState, TunnelId, UserId,
};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// The services that have these backends now.
pub(super) async fn services_of(
    connection: &impl ConnectionTrait,
    some: &BTreeSet<BackendId>,
) -> Result<Vec<ServiceId>> {
    if some.is_empty() {
        return Ok(Vec::new());
    }
    let ids = backends::Entity::find()
        .select_only()
        .column(backends::Column::ServiceId)
        .distinct()
        .filter(backends::Column::Id.is_in(some.iter().map(|id| id.0)))
        .into_tuple::<Uuid>()
        .all(connection)
        .await?;
    Ok(ids.into_iter().map(ServiceId).collect())
}

/// All services that are not deleted, or those of `only`.
pub(super) async fn services(
    connection: &impl ConnectionTrait,
    only: Option<&BTreeSet<ServiceId>>,
) -> Result<Vec<ServiceEntry>> {
    let only = |column: Expr| only.map(|ids| column.is_in(ids.iter().map(|id| id.0)));
    let admins: HashSet<Uuid> = users::Entity::find()
        .select_only()
        .column(users::Column::Id)
        .filter(users::Column::Role.eq(Role::Admin.as_str()))
        .into_tuple()
        .all(connection)
        .await?
        .into_iter()
        .collect();
    let rows = backends::Entity::find()
        .filter(backends::Column::DeletedAt.is_null())
        .filter(backends::Column::State.ne("stopped"))
        .filter(Condition::all().add_option(only(backends::Column::ServiceId.into_expr())))
        .order_by_asc(backends::Column::Id)
        .all(connection)
        .await?;
    let mut pools: HashMap<Uuid, Vec<BackendEntry>> = HashMap::new();
    for row in rows {
        pools.entry(row.service_id).or_default().push(backend(&row, &admins)?);
    }
    let rows = services::Entity::find()
        .filter(services::Column::DeletedAt.is_null())
        .filter(Condition::all().add_option(only(services::Column::Id.into_expr())))
        .order_by_asc(services::Column::Id)
        .all(connection)
        .await?;
    let service = |row: services::Model| {
        Ok(ServiceEntry {
            id: ServiceId(row.id),
            owner: UserId(row.owner_id),
            name: parse(&row.name)?,
            balance: read_word(&row.balance)?,
            affinity: read_json(&row.affinity)?,
            health_check: read_json(&row.health_check)?,
            resilience: read_json(&row.resilience)?,
            backends: pools.remove(&row.id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(service).collect()
}

fn backend(row: &backends::Model, admins: &HashSet<Uuid>) -> Result<BackendEntry> {
    let origin = match (&row.address, row.tunnel_id) {
        (Some(address), None) => BackendOrigin::Address { address: parse(address)?, tls_verify: row.tls_verify },
        (None, Some(tunnel)) => BackendOrigin::Tunnel(TunnelId(tunnel)),
        _ => {
            let text = format!("backend {} is not one of address and tunnel", row.id);
            return Err(crate::CoreError::Internal(text));
        }
    };
    Ok(BackendEntry {
        id: BackendId(row.id),
        owner: UserId(row.owner_id),
        owner_is_admin: admins.contains(&row.owner_id),
        name: parse(&row.name)?,
        origin,
        announced: row.announced,
        tags: read_json(&row.tags)?,
        weight: weight_of(row)?,
        region: row.region.as_deref().map(parse).transpose()?,
        state: read_word(&row.state)?,
        updated_at: row.updated_at,
    })
}

pub(super) async fn rules(connection: &impl ConnectionTrait, vault: &Vault) -> Result<Vec<RuleEntry>> {
    let mut switches = running_switches(connection, Condition::all()).await?;
    let mut rules = domains(connection, vault, Condition::all(), &mut switches).await?;
    let hosts = hosts_of(&rules);
    rules.extend(routes(connection, vault, Condition::all(), &hosts, &mut switches).await?);
    Ok(rules)
}

/// What became of the domains and routes that were touched.
pub(super) async fn changed_rules(
    connection: &impl ConnectionTrait,
    vault: &Vault,
    touched: &Touched,
    known: &(dyn Fn(DomainId) -> Option<HostEntry> + Sync),
    changes: &mut RoutingChanges,
) -> Result<()> {
    let (mut of_domains, of_routes) = (touched.domains.clone(), &touched.routes);
    if of_domains.is_empty() && of_routes.is_empty() {
        return Ok(());
    }
    changes.rules.extend(of_domains.iter().map(|id| (RuleId::Domain(*id), None)));
    changes.rules.extend(of_routes.iter().map(|id| (RuleId::Route(*id), None)));
    // A route has its domain's host, also when nothing of that was touched.
    let parents = routes::Entity::find()
        .select_only()
        .column(routes::Column::DomainId)
        .filter(routes::Column::Id.is_in(of_routes.iter().map(|id| id.0)))
        .filter(routes::Column::DomainId.is_not_null())
        .into_tuple::<Uuid>()
        .all(connection)
        .await?;
    of_domains.extend(parents.into_iter().map(DomainId));
    let ids = || of_domains.iter().map(|id| id.0);
    let subjects = ids().chain(of_routes.iter().map(|id| id.0));
    let mut switches =
        running_switches(connection, Condition::all().add(switches::Column::SubjectId.is_in(subjects))).await?;
    let here =
        domains(connection, vault, Condition::all().add(domains::Column::Id.is_in(ids())), &mut switches).await?;
    let hosts = hosts_of(&here);
    let differ = |id: &&DomainId| known(**id).as_ref() != hosts.get(&id.0);
    changes.whole_domains = touched.domains.iter().filter(differ).copied().collect();
    let wanted = Condition::any()
        .add(routes::Column::Id.is_in(of_routes.iter().map(|id| id.0)))
        .add(routes::Column::DomainId.is_in(changes.whole_domains.iter().map(|id| id.0)));
    if !changes.whole_domains.is_empty() {
        switches.extend(running_switches(connection, Condition::all()).await?);
    }
    let under = routes(connection, vault, wanted, &hosts, &mut switches).await?;
    let here = here.into_iter().filter(|rule| matches!(rule.id, RuleId::Domain(id) if touched.domains.contains(&id)));
    changes.rules.extend(here.chain(under).map(|rule| (rule.id, Some(rule))));
    Ok(())
}

fn hosts_of(domains: &[RuleEntry]) -> HashMap<Uuid, HostEntry> {
    domains.iter().filter_map(HostEntry::of).map(|(id, host)| (id.0, host)).collect()
}

/// The domains that may serve.
async fn domains(
    connection: &impl ConnectionTrait,
    vault: &Vault,
    which: Condition,
    switches: &mut HashMap<Uuid, RunningSwitch>,
) -> Result<Vec<RuleEntry>> {
    let rows = domains::Entity::find()
        .filter(domains::Column::DeletedAt.is_null())
        .filter(domains::Column::VerifiedAt.is_not_null())
        .filter(which)
        .order_by_asc(domains::Column::Id)
        .all(connection)
        .await?;
    let rule = |row: domains::Model| {
        Ok(RuleEntry {
            id: RuleId::Domain(DomainId(row.id)),
            owner: UserId(row.owner_id),
            domain: None,
            host: Some(parse(&row.host)?),
            mount: None,
            strip_prefix: false,
            http_to_https: row.http_to_https,
            headers: vault.headers(row.id, &row.header_rules)?,
            host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
            front: shared_front(row.front.as_deref())?,
            domain_front: None,
            domain_owner: None,
            target: target_of!(&row)?,
            switch: switches.remove(&row.id),
        })
    };
    rows.into_iter().map(rule).collect()
}

/// The routes that may serve: those of any host, and those of these domains.
async fn routes(
    connection: &impl ConnectionTrait,
    vault: &Vault,
    which: Condition,
    hosts: &HashMap<Uuid, HostEntry>,
    switches: &mut HashMap<Uuid, RunningSwitch>,
) -> Result<Vec<RuleEntry>> {
    let rows = routes::Entity::find()
        .filter(routes::Column::DeletedAt.is_null())
        .filter(routes::Column::Enabled.eq(true))
        .filter(which)
        .order_by_asc(routes::Column::Id)
        .all(connection)
        .await?;
    let mut rules = Vec::with_capacity(rows.len());
    for row in rows {
        let host = match row.domain_id {
            None => None,
            Some(id) => match hosts.get(&id) {
                Some(host) => Some(host),
                // Not verified.
                None => continue,
            },
        };
        rules.push(RuleEntry {
            id: RuleId::Route(RouteId(row.id)),
            owner: UserId(row.owner_id),
            domain: row.domain_id.map(DomainId),
            host: host.map(|host| host.pattern.clone()),
            mount: Some(parse(&row.mount)?),
            strip_prefix: row.strip_prefix,
            http_to_https: host.is_some_and(|host| host.http_to_https),
            headers: vault.headers(row.id, &row.header_rules)?,
            host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
            front: shared_front(row.front.as_deref())?,
            domain_front: host.and_then(|host| host.front.clone()),
            domain_owner: host.map(|host| host.owner),
            target: target_of!(&row)?,
            switch: switches.remove(&row.id),
        });
    }
    Ok(rules)
}

async fn running_switches(connection: &impl ConnectionTrait, which: Condition) -> Result<HashMap<Uuid, RunningSwitch>> {
    let rows = switches::Entity::find()
        .filter(which)
        .filter(switches::Column::State.eq(SwitchState::Running.as_str()))
        .all(connection)
        .await?;
    let running = |row: switches::Model| {
        let switch = RunningSwitch {
            id: SwitchId(row.id),
            from_tag: row.from_tag.as_deref().map(parse).transpose()?,
            to_tag: parse(&row.to_tag)?,
            plan: row.plan.as_deref().map(read_json).transpose()?.unwrap_or_default(),
            started_at: row.started_at,
        };
        Ok((row.subject_id, switch))
    };
    rows.into_iter().map(running).collect()
}

/// How many requests may come to what an account has, where that is limited.
pub(super) async fn rates(connection: &impl ConnectionTrait) -> Result<BTreeMap<UserId, RequestRate>> {
    let rows: Vec<(Uuid, String)> = users::Entity::find()
        .select_only()
        .columns([users::Column::Id, users::Column::RateLimit])
        .filter(users::Column::RateLimit.is_not_null())
        .filter(users::Column::DeletedAt.is_null())
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter().map(|(id, limit)| Ok((UserId(id), read_json(&limit)?))).collect()
}

pub(super) async fn regions(connection: &impl ConnectionTrait) -> Result<Vec<RegionEntry>> {
    let rows = regions::Entity::find()
        .filter(regions::Column::DeletedAt.is_null())
        .order_by_asc(regions::Column::Name)
        .all(connection)
        .await?;
    rows.into_iter().map(|row| Ok(RegionEntry { name: parse(&row.name)?, public_url: row.public_url })).collect()
}
