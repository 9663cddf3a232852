//! Making what is announced and not there: a domain or a route, and the service it leads to.

use super::{
    Announcement, AnnouncementRefused, Announcements,
    join::Joins,
    place::{Place, locate, named, own_domain},
};
use crate::{
    Result,
    edit::{Edit, Owner},
    store::rows::{backends, domains, routes, services, tunnels},
};
use domain::{
    DomainSpec, HostPattern, MountPath, RevisionAction, RouteSpec, ServiceId, ServiceName, ServiceSpec, Tag,
    TargetFields, TokenScope,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

/// How many names are tried for a service that has none yet.
const NAMES: usize = 9;

/// A rule that is to be made.
struct NewRule<'w> {
    wish: &'w Announcement,
    service: services::Model,
    tag: Tag,
}

impl Edit<'_> {
    /// Puts in place what a tunnel's telephones announce, and takes back what they announced before and do not now.
    pub(crate) async fn announce(
        &mut self,
        tunnel: &tunnels::Model,
        scope: &TokenScope,
        wanted: &Announcements,
    ) -> Result<(), AnnouncementRefused> {
        let owner = self.owner(tunnel.owner_id).await?;
        let mut joins = Joins::default();
        let mut rules: Vec<NewRule<'_>> = Vec::new();
        for wish in wanted.as_slice() {
            let same = rules.iter().find(|rule| (&rule.wish.host, &rule.wish.mount) == (&wish.host, &wish.mount));
            if let Some(rule) = same {
                joins.want(&rule.service, wish.tag.as_ref(), Some(&rule.tag));
                continue;
            }
            match locate(self.tx(), tunnel.owner_id, wish).await? {
                Place::Leads(spot) => joins.want(&spot.service, wish.tag.as_ref(), spot.enabled.as_ref()),
                Place::Free => {
                    let service = self.service_for(&owner, scope, wish).await?;
                    if wish.is_nowhere() {
                        joins.want(&service, wish.tag.as_ref(), None);
                        continue;
                    }
                    let tag = wish.tag.clone().unwrap_or_else(Tag::default_tag);
                    joins.want(&service, Some(&tag), None);
                    rules.push(NewRule { wish, service, tag });
                }
            }
        }
        // Backends first: a rule enables a tag that somebody carries.
        self.join_pools(tunnel, scope, &joins).await?;
        for rule in rules {
            Box::pin(self.make_rule(&owner, rule)).await?;
        }
        Ok(())
    }

    /// The service for what leads nowhere yet: the one that is named, or one of its own. Nobody but its telephones
    /// may be in that: a pool that serves something else must not get these requests.
    async fn service_for(
        &mut self,
        owner: &Owner,
        scope: &TokenScope,
        wish: &Announcement,
    ) -> Result<services::Model, AnnouncementRefused> {
        if let Some(name) = &wish.service {
            return match named(self.tx(), owner.id.0, name).await? {
                None => {
                    Ok(self.insert_service(owner, ServiceSpec::named(name.clone()), RevisionAction::Created).await?)
                }
                Some(_) if scope.is_limited_to_places() => Err(AnnouncementRefused::OutsideScope(format!(
                    "this token is for some hosts or paths only, and so lets nothing new lead to the service {name}, \
                     which is there already; leave the service out, or use another token"
                ))),
                Some(row) => Ok(row),
            };
        }
        for name in names(wish) {
            match named(self.tx(), owner.id.0, &name).await? {
                None => {
                    return Ok(self.insert_service(owner, ServiceSpec::named(name), RevisionAction::Created).await?);
                }
                Some(row) if self.is_left_over(&row).await? => return Ok(row),
                Some(_) => {}
            }
        }
        let place = wish.place();
        let message = format!("all names of services for {place} are in use; name a service for it");
        Err(AnnouncementRefused::Taken(message))
    }

    /// Whether nothing leads to a service and nobody has put a backend there: its telephones' domain was deleted.
    async fn is_left_over(&self, service: &services::Model) -> Result<bool> {
        macro_rules! count {
            ($table:ident) => {
                $table::Entity::find()
                    .filter($table::Column::ServiceId.eq(service.id))
                    .filter($table::Column::DeletedAt.is_null())
            };
        }
        let by_hand = count!(backends).filter(backends::Column::Announced.eq(false));
        let used = by_hand.count(self.tx()).await?
            + count!(domains).count(self.tx()).await?
            + count!(routes).count(self.tx()).await?;
        Ok(used == 0)
    }

    async fn make_rule(&mut self, owner: &Owner, rule: NewRule<'_>) -> Result<()> {
        let NewRule { wish: Announcement { host, mount, .. }, service, tag } = rule;
        let target = TargetFields {
            service_id: Some(ServiceId(service.id)),
            enabled_backends_tag: Some(tag),
            ..TargetFields::default()
        };
        match (host, mount) {
            (Some(host), None) => self.lead_host(owner, host, target).await,
            (Some(host), Some(mount)) => {
                if own_domain(self.tx(), owner.id.0, &host.to_string()).await?.is_none() {
                    self.insert_domain_of(owner, DomainSpec::new(host.clone()), RevisionAction::Created).await?;
                }
                self.lead_path(Some(host), mount, target).await
            }
            (None, Some(mount)) => self.lead_path(None, mount, target).await,
            (None, None) => Ok(()),
        }
    }

    /// A new domain that leads there, or one that leads nowhere so far.
    async fn lead_host(&mut self, owner: &Owner, host: &HostPattern, target: TargetFields) -> Result<()> {
        match own_domain(self.tx(), owner.id.0, &host.to_string()).await? {
            None => {
                let mut spec = DomainSpec::new(host.clone());
                spec.set_target(target);
                self.insert_domain_of(owner, spec, RevisionAction::Created).await?;
            }
            Some(row) => {
                let mut spec = self.domain_spec(&row).await?;
                spec.set_target(target);
                self.change_domain(row, spec, RevisionAction::Changed).await?;
            }
        }
        Ok(())
    }

    async fn lead_path(&mut self, host: Option<&HostPattern>, mount: &MountPath, target: TargetFields) -> Result<()> {
        let mut spec = RouteSpec::new(host.cloned(), mount.clone());
        spec.set_target(target);
        self.insert_route(spec, RevisionAction::Created).await.map(drop)
    }
}

/// Names for the service of an announcement, after its host and path.
fn names(wish: &Announcement) -> impl Iterator<Item = ServiceName> {
    let host = match &wish.host {
        None => "any-host".to_owned(),
        Some(HostPattern::Exact(host)) => host.to_string(),
        Some(HostPattern::Wildcard(host)) => format!("any.{host}"),
    };
    let path = wish.mount.as_ref().map_or("", |mount| mount.as_str());
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let name: String = format!("{host}{path}").chars().map(plain).take(60).collect();
    let name = name.trim_end_matches('-').to_owned();
    let numbered = (2..=NAMES).map({
        let name = name.clone();
        move |n| format!("{name}-{n}")
    });
    // A name that is none, such as an id, is left out.
    [name].into_iter().chain(numbered).filter_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_service_is_named_after_host_and_path() {
        let name = |host: Option<&str>, path: Option<&str>| {
            let wish = Announcement {
                host: host.map(|host| host.parse().unwrap()),
                mount: path.map(|path| path.parse().unwrap()),
                tag: None,
                service: None,
            };
            names(&wish).take(2).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(name(Some("shop.example.com"), None), ["shop.example.com", "shop.example.com-2"]);
        assert_eq!(name(Some("*.example.com"), Some("/Api/v1"))[0], "any.example.com-api-v1");
        assert_eq!(name(None, Some("/caf%C3%A9"))[0], "any-host-caf-c3-a9");
        assert_eq!(name(None, Some("/"))[0], "any-host");
        let long = format!("{}.{}.example.com", "a".repeat(60), "b".repeat(60));
        assert_eq!(name(Some(&long), None)[1].len(), 62);
    }
}
