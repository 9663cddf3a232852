//! Rows of `tunnels`, and what they mean.

use super::{Addresses, RoutingEntry, Tunnels};
use crate::{
    CoreError, Result, Viewer,
    store::{
        now, parse,
        rows::{domains, tunnels},
        shared_front, unique_violation,
    },
};
use domain::{
    HostPattern, Hostname, Subdomain, TokenId, Tunnel, TunnelId, TunnelName, TunnelState, TunnelStatus, UserId,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Ids in one statement; both databases limit its parameters.
const CHUNK: usize = 500;

/// A tunnel that is about to be made.
pub(super) struct Draft {
    pub owner: UserId,
    /// The subdomain when it is missing.
    pub name: Option<TunnelName>,
    pub subdomain: Subdomain,
    pub local_url: Option<String>,
    pub region: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// For a telephone that named no subdomain: what it gets the tunnel back by.
    pub auto: Option<Auto>,
}

/// What a telephone that names no subdomain gets its tunnel back by.
pub(super) struct Auto {
    pub token: TokenId,
    pub local_url: String,
    /// The key of what it announces: two groups of telephones that announce different things are two tunnels.
    pub announced: String,
}

pub(super) async fn insert(connection: &impl ConnectionTrait, draft: Draft) -> Result<tunnels::Model> {
    let moment = now();
    let (auto_token_id, auto_local_url, auto_announced) = match draft.auto {
        Some(auto) => (Some(auto.token.0), Some(auto.local_url), auto.announced),
        None => (None, None, String::new()),
    };
    let row = tunnels::ActiveModel {
        id: Set(Uuid::now_v7()),
        owner_id: Set(draft.owner.0),
        name: Set(draft.name.map_or_else(|| draft.subdomain.to_string(), String::from)),
        subdomain: Set(draft.subdomain.into()),
        local_url: Set(draft.local_url),
        region: Set(draft.region),
        metadata: Set(write_metadata(&draft.metadata)?),
        front: Set(None),
        paused: Set(false),
        auto_token_id: Set(auto_token_id),
        auto_local_url: Set(auto_local_url),
        auto_announced: Set(auto_announced),
        created_at: Set(moment),
        updated_at: Set(moment),
        last_active_at: Set(None),
        deleted_at: Set(None),
        named_at: Set(None),
    };
    row.insert(connection).await.map_err(taken)
}

/// What a violated unique index means to the one who asked.
pub(super) fn taken(error: DbErr) -> CoreError {
    match unique_violation(&error) {
        Some(text) if text.contains("auto") => CoreError::conflict("auto_taken", "another telephone was faster"),
        Some(_) => CoreError::conflict("subdomain_taken", "this subdomain is taken; choose another"),
        None => error.into(),
    }
}

/// How many tunnels a user has.
pub(super) async fn count(connection: &impl ConnectionTrait, owner: UserId) -> Result<u64> {
    Ok(tunnels::Entity::find()
        .filter(tunnels::Column::OwnerId.eq(owner.0))
        .filter(tunnels::Column::DeletedAt.is_null())
        .count(connection)
        .await?)
}

/// Whether the telephone that this deleted tunnel was made for has another one now.
pub(super) async fn auto_exists(connection: &impl ConnectionTrait, row: &tunnels::Model) -> Result<bool> {
    let (Some(token), Some(local_url)) = (row.auto_token_id, row.auto_local_url.clone()) else { return Ok(false) };
    let auto = Auto { token: TokenId(token), local_url, announced: row.auto_announced.clone() };
    Ok(find_auto(connection, &auto).await?.is_some())
}

pub(super) async fn find_auto(connection: &impl ConnectionTrait, auto: &Auto) -> Result<Option<tunnels::Model>> {
    Ok(tunnels::Entity::find()
        .filter(tunnels::Column::AutoTokenId.eq(auto.token.0))
        .filter(tunnels::Column::AutoLocalUrl.eq(auto.local_url.as_str()))
        .filter(tunnels::Column::AutoAnnounced.eq(auto.announced.as_str()))
        .filter(tunnels::Column::DeletedAt.is_null())
        .one(connection)
        .await?)
}

pub(super) async fn find_subdomain(
    connection: &impl ConnectionTrait,
    subdomain: &Subdomain,
) -> Result<Option<tunnels::Model>> {
    Ok(tunnels::Entity::find()
        .filter(tunnels::Column::Subdomain.eq(subdomain.as_str()))
        .filter(tunnels::Column::DeletedAt.is_null())
        .one(connection)
        .await?)
}

pub(super) fn state_of(row: &tunnels::Model) -> TunnelState {
    match (row.deleted_at, row.paused) {
        (Some(_), _) => TunnelState::Deleted,
        (None, true) => TunnelState::Paused,
        (None, false) => TunnelState::Active,
    }
}

pub(super) fn write_metadata(metadata: &BTreeMap<String, String>) -> Result<String> {
    serde_json::to_string(metadata).map_err(|error| CoreError::Internal(format!("writing metadata: {error}")))
}

pub(super) fn read_metadata(row: &tunnels::Model) -> Result<BTreeMap<String, String>> {
    serde_json::from_str(&row.metadata)
        .map_err(|error| CoreError::Internal(format!("tunnel {} has wrong metadata: {error}", row.id)))
}

impl Tunnels {
    /// Which tunnels a viewer sees.
    pub(super) fn scope(viewer: &Viewer) -> Condition {
        let all = Condition::all();
        if viewer.is_admin() { all } else { all.add(tunnels::Column::OwnerId.eq(viewer.id().0)) }
    }

    pub(super) async fn tunnel(&self, row: tunnels::Model) -> Result<Tunnel> {
        let mut tunnels = self.tunnels(vec![row]).await?;
        tunnels.pop().ok_or(CoreError::NotFound("tunnel"))
    }

    /// Puts tunnels together from their rows, their domains, who serves them and what was counted.
    pub(super) async fn tunnels(&self, rows: Vec<tunnels::Model>) -> Result<Vec<Tunnel>> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut found = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            // A deleted tunnel shows what comes back with it.
            let kept = Condition::any()
                .add(domains::Column::DeletedAt.is_null())
                .add(Expr::col(domains::Column::DeletedWith).equals(domains::Column::TunnelId));
            let query = domains::Entity::find().filter(domains::Column::TunnelId.is_in(chunk.iter().copied()));
            found.extend(query.filter(kept).order_by_asc(domains::Column::Id).all(self.store.read()).await?);
        }
        let mut domains = by_tunnel(found)?;
        let totals = self.traffic.totals(&ids).await?;
        rows.into_iter()
            .map(|row| {
                let requests = totals.get(&row.id).map_or(0, |counts| counts.by_status.total());
                let domains = domains.remove(&row.id).unwrap_or_default();
                self.assemble(row, domains, requests)
            })
            .collect()
    }

    fn assemble(&self, row: tunnels::Model, custom_domains: Vec<Hostname>, request_count: u64) -> Result<Tunnel> {
        let id = TunnelId(row.id);
        let sessions = self.presence.of(id);
        let status = match state_of(&row) {
            TunnelState::Deleted => TunnelStatus::Deleted,
            TunnelState::Paused => TunnelStatus::Paused,
            TunnelState::Active if sessions.is_empty() => TunnelStatus::Offline,
            TunnelState::Active => TunnelStatus::Online,
        };
        let subdomain: Subdomain = parse(&row.subdomain)?;
        Ok(Tunnel {
            id,
            owner_id: UserId(row.owner_id),
            name: parse(&row.name)?,
            custom_domains,
            public_url: self.addresses.of(&subdomain),
            subdomain,
            status,
            metadata: read_metadata(&row)?,
            local_url: row.local_url,
            region: row.region,
            last_active_at: if sessions.is_empty() { row.last_active_at } else { Some(now()) },
            sessions,
            request_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Addresses {
    /// Where a tunnel is reached: beside the dashboard, with its scheme and port.
    fn of(&self, subdomain: &Subdomain) -> String {
        let port = self.public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{subdomain}.{}{port}", self.public_url.scheme(), self.tunnel_domain)
    }
}

/// Verified domains that lead to tunnels.
pub(super) async fn verified_domains(connection: &impl ConnectionTrait) -> Result<HashMap<Uuid, Vec<Hostname>>> {
    let rows = domains::Entity::find()
        .filter(domains::Column::DeletedAt.is_null())
        .filter(domains::Column::TunnelId.is_not_null())
        .filter(domains::Column::VerifiedAt.is_not_null())
        .order_by_asc(domains::Column::Id)
        .all(connection)
        .await?;
    by_tunnel(rows)
}

/// What the routing table needs to know of all tunnels that are not deleted, or of those of `only`, with these domains.
pub(crate) async fn entries(
    connection: &impl ConnectionTrait,
    addresses: &Addresses,
    mut domains: HashMap<Uuid, Vec<Hostname>>,
    only: Option<&BTreeSet<TunnelId>>,
) -> Result<Vec<RoutingEntry>> {
    let only = only.map(|ids| tunnels::Column::Id.is_in(ids.iter().map(|id| id.0)));
    let rows = tunnels::Entity::find()
        .filter(Condition::all().add(tunnels::Column::DeletedAt.is_null()).add_option(only))
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            let subdomain = parse(&row.subdomain)?;
            Ok(RoutingEntry {
                tunnel_id: TunnelId(row.id),
                owner_id: UserId(row.owner_id),
                public_url: addresses.of(&subdomain),
                subdomain,
                custom_domains: domains.remove(&row.id).unwrap_or_default(),
                state: state_of(&row),
                front: shared_front(row.front.as_deref())?,
            })
        })
        .collect()
}

/// The domains that lead to tunnels, as far as they are one host each.
fn by_tunnel(rows: Vec<domains::Model>) -> Result<HashMap<Uuid, Vec<Hostname>>> {
    let mut domains: HashMap<Uuid, Vec<Hostname>> = HashMap::new();
    for row in rows {
        if let (Some(tunnel), HostPattern::Exact(host)) = (row.tunnel_id, parse(&row.host)?) {
            domains.entry(tunnel).or_default().push(host);
        }
    }
    Ok(domains)
}
