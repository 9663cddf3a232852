//! Making what is there what a document says.

use super::{AnnouncedTags, Current, Declaration, Reach};
use crate::{
    CoreError, Result, Viewer,
    edit::Edit,
    store::{
        parse,
        rows::{backends, services},
    },
};
use domain::{BackendSpec, DomainSpec, Email, HostPattern, MountPath, RevisionAction, RouteSpec, ServiceSpec};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};
use uuid::Uuid;

/// The most things in a document. It is applied under the lock that all changes wait for.
const MAX_ITEMS: usize = 20_000;

const APPLIED: RevisionAction = RevisionAction::Applied;

/// What a document wants of one kind, by what each thing is known by.
type Wanted<K, S> = HashMap<K, S>;

/// By owner and name.
type Named = (Uuid, String);

/// By domain and mount.
type Mounted = (Option<HostPattern>, MountPath);

impl Edit<'_> {
    /// Does what [`Declared::apply`](super::Declared::apply) says. What is in the way goes first: routes and domains that
    /// are not wanted any more. Services go last, when nothing leads to them.
    pub(super) async fn apply(&mut self, viewer: &Viewer, reach: Reach, wanted: &Declaration) -> Result<()> {
        let Declaration { services, backends, announced, domains, routes } = wanted;
        if services.len() + backends.len() + announced.len() + domains.len() + routes.len() > MAX_ITEMS {
            return Err(CoreError::invalid("document", format!("a document has at most {MAX_ITEMS} things")));
        }
        let owners = self.owners_of(viewer, reach, wanted).await?;
        let owner = |email: &Option<Email>| email.as_ref().map_or(viewer.id().0, |email| owners[email]);
        let services = by(services, service_label, |spec| (owner(&spec.owner), spec.name.to_string()))?;
        if backends.iter().any(|spec| spec.id.is_none()) {
            return Err(CoreError::invalid("id", "each backend of a document has an id, by which it is known later"));
        }
        let backends = by(backends, backend_label, |spec| (owner(&spec.owner), name_of(spec)))?;
        let domains = by(domains, domain_label, |spec| spec.domain.clone())?;
        let routes = by(routes, route_label, |spec| (spec.domain.clone(), spec.mount.clone()))?;

        let current = Current::read(self.tx(), self.desk().store().vault(), viewer, reach).await?;
        self.remove_unwanted_rules(&current, &domains, &routes).await?;
        self.apply_services(&current, services.clone()).await?;
        self.apply_backends(&current, backends).await?;
        self.expect(announced).await?;
        self.apply_domains(&current, domains).await?;
        self.apply_routes(&current, routes).await?;
        for row in &current.services {
            // The one that backends use without naming it is not named by the document either.
            if !services.contains_key(&(row.owner_id, row.name.clone())) && !self.has_backends(row).await? {
                let removed = self.remove_service(row.clone(), APPLIED).await;
                removed.map_err(|error| error.of(&format!("service {}", row.name)))?;
            }
        }
        Ok(())
    }

    async fn has_backends(&self, service: &services::Model) -> Result<bool> {
        let live = backends::Entity::find()
            .filter(backends::Column::ServiceId.eq(service.id))
            .filter(backends::Column::DeletedAt.is_null());
        Ok(live.count(self.tx()).await? > 0)
    }

    /// The owners that a document names.
    async fn owners_of(&self, viewer: &Viewer, reach: Reach, wanted: &Declaration) -> Result<HashMap<Email, Uuid>> {
        let named = (wanted.services.iter().map(|spec| &spec.owner))
            .chain(wanted.backends.iter().map(|spec| &spec.owner))
            .chain(wanted.announced.iter().map(|tags| &tags.owner))
            .chain(wanted.domains.iter().map(|spec| &spec.owner))
            .chain(wanted.routes.iter().map(|spec| &spec.owner));
        let emails: HashSet<&Email> = named.flatten().collect();
        let mut owners = HashMap::new();
        for email in emails {
            let owner = self.owner_named(Some(email)).await?;
            if reach == Reach::Own && owner.id != viewer.id() {
                let message =
                    format!("this document is about what is yours, but names {email}; apply it for all owners");
                return Err(CoreError::invalid("owner", message));
            }
            owners.insert(email.clone(), owner.id.0);
        }
        Ok(owners)
    }

    async fn remove_unwanted_rules(
        &mut self,
        current: &Current,
        domains: &Wanted<HostPattern, &DomainSpec>,
        routes: &Wanted<Mounted, &RouteSpec>,
    ) -> Result<()> {
        for row in &current.routes {
            let spec = current.route(row)?;
            if !routes.contains_key(&(spec.domain, spec.mount)) {
                self.remove_route(row.clone(), APPLIED).await?;
            }
        }
        for row in &current.domains {
            if !domains.contains_key(&parse::<HostPattern>(&row.host)?) {
                self.remove_domain(row.clone(), None, APPLIED).await?;
            }
        }
        Ok(())
    }

    async fn apply_services(&mut self, current: &Current, mut wanted: Wanted<Named, &ServiceSpec>) -> Result<()> {
        for row in &current.services {
            let Some(spec) = wanted.remove(&(row.owner_id, row.name.clone())) else { continue };
            let done = self.change_service(row.clone(), spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&service_label(spec)))?;
        }
        for spec in sorted(wanted) {
            let owner = self.owner_named(spec.owner.as_ref()).await?;
            let done = self.insert_service(&owner, spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&service_label(spec)))?;
        }
        Ok(())
    }

    /// With those that are not wanted any more, so that tags are looked for among those that stay.
    async fn apply_backends(&mut self, current: &Current, mut wanted: Wanted<Named, &BackendSpec>) -> Result<()> {
        for row in &current.backends {
            let done = match wanted.remove(&(row.owner_id, row.name.clone())) {
                None => self.remove_backend(row.clone(), APPLIED).await,
                Some(spec) if is_same(&current.backend(row)?, spec, |spec| spec.owner = None) => Ok(()),
                Some(spec) => self.change_backend(row.clone(), spec.clone(), APPLIED).await.map(drop),
            };
            done.map_err(|error| error.of(&format!("backend {}", row.name)))?;
        }
        for spec in sorted(wanted) {
            let done = self.insert_backend(spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&backend_label(spec)))?;
        }
        Ok(())
    }

    /// Takes note of the tags that telephones bring.
    async fn expect(&mut self, announced: &[AnnouncedTags]) -> Result<()> {
        for AnnouncedTags { owner, service, tags } in announced {
            let owner = self.owner_named(owner.as_ref()).await?;
            let found = self.find_service(&owner, None, Some(service)).await;
            let row = found.map_err(|error| error.of(&format!("announced tags of service {service}")))?;
            self.expect_tags(row.id, tags);
        }
        Ok(())
    }

    async fn apply_domains(&mut self, current: &Current, mut wanted: Wanted<HostPattern, &DomainSpec>) -> Result<()> {
        for row in &current.domains {
            let Some(spec) = wanted.remove(&parse::<HostPattern>(&row.host)?) else { continue };
            if is_same(&current.domain(row)?, spec, |spec| spec.owner = None) {
                continue;
            }
            let done = self.change_domain(row.clone(), spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&domain_label(spec)))?;
        }
        for spec in sorted(wanted) {
            let done = self.insert_domain(spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&domain_label(spec)))?;
        }
        Ok(())
    }

    async fn apply_routes(&mut self, current: &Current, mut wanted: Wanted<Mounted, &RouteSpec>) -> Result<()> {
        for row in &current.routes {
            let there = current.route(row)?;
            let Some(spec) = wanted.remove(&(there.domain.clone(), there.mount.clone())) else { continue };
            if is_same(&there, spec, |spec| spec.owner = None) {
                continue;
            }
            let done = self.change_route(row.clone(), spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&route_label(spec)))?;
        }
        for spec in sorted(wanted) {
            let done = self.insert_route(spec.clone(), APPLIED).await;
            done.map_err(|error| error.of(&route_label(spec)))?;
        }
        Ok(())
    }
}

/// What a document wants, by what each thing is known by.
fn by<K: Eq + Hash, S>(specs: &[S], label: impl Fn(&S) -> String, key: impl Fn(&S) -> K) -> Result<Wanted<K, &S>> {
    let mut wanted = HashMap::with_capacity(specs.len());
    for spec in specs {
        if wanted.insert(key(spec), spec).is_some() {
            return Err(CoreError::invalid("document", format!("the document names the {} twice", label(spec))));
        }
    }
    Ok(wanted)
}

fn service_label(spec: &ServiceSpec) -> String {
    format!("service {}", spec.name)
}

fn name_of(spec: &BackendSpec) -> String {
    spec.id.as_ref().map_or_else(String::new, ToString::to_string)
}

fn backend_label(spec: &BackendSpec) -> String {
    format!("backend {}", name_of(spec))
}

fn domain_label(spec: &DomainSpec) -> String {
    format!("domain {}", spec.domain)
}

fn route_label(spec: &RouteSpec) -> String {
    let host = spec.domain.as_ref().map_or_else(|| "any host".to_owned(), ToString::to_string);
    format!("route {host} {}", spec.mount)
}

/// In an order that does not change from one time to the next.
fn sorted<K: Ord, S>(wanted: Wanted<K, S>) -> impl Iterator<Item = S> {
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
    wanted.into_iter().map(|(_, spec)| spec)
}

/// Whether a thing is as it is wanted, whoever is named as its owner. What it leads to is then not looked for, and may
/// be gone.
fn is_same<S: Clone + PartialEq>(there: &S, wanted: &S, forget_owner: impl Fn(&mut S)) -> bool {
    let (mut there, mut wanted) = (there.clone(), wanted.clone());
    forget_owner(&mut there);
    forget_owner(&mut wanted);
    there == wanted
}
