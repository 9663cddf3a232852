//! Where an announced host and path lead now.

use super::{Announcement, AnnouncementRefused};
use crate::{
    Result, TargetEntry,
    edit::target_of,
    store::rows::{domains, routes, services},
};
use domain::{ServiceId, ServiceName, Tag};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

/// Where an announced host and path lead now.
pub(super) enum Place {
    /// To a service of the telephone's owner.
    Leads(Box<Spot>),
    /// Nowhere yet: it can be made.
    Free,
}

/// A service that is led to.
pub(super) struct Spot {
    pub service: services::Model,
    /// The tag that its backends need to get these requests.
    pub enabled: Option<Tag>,
    /// The domain that the host is.
    pub domain: Option<domains::Model>,
}

/// A rule of one of the two kinds, as far as it matters here.
struct Rule {
    owner: Uuid,
    target: TargetEntry,
}

/// Finds where an announcement of `owner` leads.
pub(super) async fn locate(
    connection: &impl ConnectionTrait,
    owner: Uuid,
    wish: &Announcement,
) -> Result<Place, AnnouncementRefused> {
    if wish.is_nowhere() {
        let service = match &wish.service {
            Some(name) => named(connection, owner, name).await?,
            None => None,
        };
        return Ok(service.map_or(Place::Free, |service| Place::of(service, None, None)));
    }
    let domain = match &wish.host {
        None => None,
        Some(host) => match own_domain(connection, owner, &host.to_string()).await? {
            None => return Ok(Place::Free),
            domain => domain,
        },
    };
    let Some(rule) = rule(connection, domain.as_ref(), wish).await? else { return Ok(Place::Free) };
    if rule.owner != owner {
        return Err(AnnouncementRefused::Taken(format!("{wish} belongs to somebody else")));
    }
    match rule.target {
        TargetEntry::None => Ok(Place::Free),
        TargetEntry::Service { id, tag } => {
            let service = fitting(connection, owner, wish, id).await?;
            Ok(Place::of(service, tag, domain))
        }
        TargetEntry::Tunnel(_) => Err(elsewhere(wish, "a tunnel")),
        TargetEntry::Redirect(_) => Err(elsewhere(wish, "a redirect")),
    }
}

impl Place {
    fn of(service: services::Model, enabled: Option<Tag>, domain: Option<domains::Model>) -> Self {
        Self::Leads(Box::new(Spot { service, enabled, domain }))
    }
}

fn elsewhere(wish: &Announcement, to: &str) -> AnnouncementRefused {
    AnnouncementRefused::Taken(format!("{wish} leads to {to}; let it lead to a service, or announce something else"))
}

/// The domain of this owner.
pub(super) async fn own_domain(
    connection: &impl ConnectionTrait,
    owner: Uuid,
    host: &str,
) -> Result<Option<domains::Model>> {
    let live = domains::Entity::find().filter(domains::Column::DeletedAt.is_null());
    let mine = live.filter(domains::Column::Host.eq(host)).filter(domains::Column::OwnerId.eq(owner));
    Ok(mine.one(connection).await?)
}

/// The service of this owner.
pub(super) async fn named(
    connection: &impl ConnectionTrait,
    owner: Uuid,
    name: &ServiceName,
) -> Result<Option<services::Model>> {
    let live = services::Entity::find().filter(services::Column::DeletedAt.is_null());
    let mine = live.filter(services::Column::Name.eq(name.as_str())).filter(services::Column::OwnerId.eq(owner));
    Ok(mine.one(connection).await?)
}

/// The route that has the path, else the domain's own target where all of the host is meant.
async fn rule(
    connection: &impl ConnectionTrait,
    domain: Option<&domains::Model>,
    wish: &Announcement,
) -> Result<Option<Rule>> {
    let mount = wish.mount.as_ref().map_or("/", |mount| mount.as_str());
    let on = match domain {
        Some(domain) => routes::Column::DomainId.eq(domain.id),
        None => routes::Column::DomainId.is_null(),
    };
    let live = routes::Entity::find().filter(routes::Column::DeletedAt.is_null());
    let route = live.filter(on).filter(routes::Column::Mount.eq(mount)).one(connection).await?;
    Ok(match (route, domain) {
        (Some(row), _) => Some(Rule { owner: row.owner_id, target: target_of!(&row)? }),
        (None, Some(row)) if wish.mount.is_none() => Some(Rule { owner: row.owner_id, target: target_of!(row)? }),
        (None, _) => None,
    })
}

/// The service that a rule leads to, when it is the owner's and the one that is named.
async fn fitting(
    connection: &impl ConnectionTrait,
    owner: Uuid,
    wish: &Announcement,
    id: ServiceId,
) -> Result<services::Model, AnnouncementRefused> {
    let row = services::Entity::find_by_id(id.0).one(connection).await?;
    let Some(row) = row.filter(|row| row.deleted_at.is_none() && row.owner_id == owner) else {
        return Err(AnnouncementRefused::Taken(format!("{wish} leads to a service of somebody else")));
    };
    match &wish.service {
        Some(name) if name.as_str() != row.name => Err(AnnouncementRefused::Taken(format!(
            "{wish} leads to the service {}, not to {name}; name that one, or none",
            row.name
        ))),
        _ => Ok(row),
    }
}
