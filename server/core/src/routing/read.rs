//! Reading the snapshot.

use super::{BackendEntry, BackendOrigin, RegionEntry, RuleEntry, RunningSwitch, ServiceEntry};
use crate::{
    Result,
    edit::target_of,
    pools::weight_of,
    store::{
        parse, read_headers, read_json, read_word,
        rows::{backends, domains, regions, routes, services, switches, users},
    },
};
use domain::{
    BackendId, DomainId, HostPattern, Role, RouteId, RuleId, ServiceId, SwitchId, SwitchState, TunnelId, UserId,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) async fn services(connection: &impl ConnectionTrait) -> Result<Vec<ServiceEntry>> {
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
        .order_by_asc(backends::Column::Id)
        .all(connection)
        .await?;
    let mut pools: HashMap<Uuid, Vec<BackendEntry>> = HashMap::new();
    for row in rows {
        pools.entry(row.service_id).or_default().push(backend(&row, &admins)?);
    }
    let rows = services::Entity::find()
        .filter(services::Column::DeletedAt.is_null())
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

/// What the routes of a domain need to know of it.
struct Host {
    pattern: HostPattern,
    http_to_https: bool,
}

pub(super) async fn rules(connection: &impl ConnectionTrait) -> Result<Vec<RuleEntry>> {
    let mut switches = running_switches(connection).await?;
    let rows = domains::Entity::find()
        .filter(domains::Column::DeletedAt.is_null())
        .filter(domains::Column::VerifiedAt.is_not_null())
        .order_by_asc(domains::Column::Id)
        .all(connection)
        .await?;
    let mut hosts = HashMap::with_capacity(rows.len());
    let mut rules = Vec::with_capacity(rows.len());
    for row in rows {
        let host = Host { pattern: parse(&row.host)?, http_to_https: row.http_to_https };
        rules.push(RuleEntry {
            id: RuleId::Domain(DomainId(row.id)),
            owner: UserId(row.owner_id),
            host: Some(host.pattern.clone()),
            mount: None,
            strip_prefix: false,
            http_to_https: row.http_to_https,
            headers: read_headers(&row.header_rules)?,
            host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
            target: target_of!(&row)?,
            switch: switches.remove(&row.id),
        });
        hosts.insert(row.id, host);
    }
    let rows = routes::Entity::find()
        .filter(routes::Column::DeletedAt.is_null())
        .filter(routes::Column::Enabled.eq(true))
        .order_by_asc(routes::Column::Id)
        .all(connection)
        .await?;
    rules.reserve(rows.len());
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
            host: host.map(|host| host.pattern.clone()),
            mount: Some(parse(&row.mount)?),
            strip_prefix: row.strip_prefix,
            http_to_https: host.is_some_and(|host| host.http_to_https),
            headers: read_headers(&row.header_rules)?,
            host_rewrite: row.host_rewrite.as_deref().map(parse).transpose()?,
            target: target_of!(&row)?,
            switch: switches.remove(&row.id),
        });
    }
    Ok(rules)
}

async fn running_switches(connection: &impl ConnectionTrait) -> Result<HashMap<Uuid, RunningSwitch>> {
    let rows = switches::Entity::find()
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

pub(super) async fn regions(connection: &impl ConnectionTrait) -> Result<Vec<RegionEntry>> {
    let rows = regions::Entity::find()
        .filter(regions::Column::DeletedAt.is_null())
        .order_by_asc(regions::Column::Name)
        .all(connection)
        .await?;
    rows.into_iter().map(|row| Ok(RegionEntry { name: parse(&row.name)?, public_url: row.public_url })).collect()
}
