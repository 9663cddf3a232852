//! Whose requests a page is about: a tunnel, a domain or a route.

use crate::{components::layout::Section, destination::Destination, pages::Visit};
use domain::{CaptureLevel, DomainId, HostPattern, RouteId, RuleId, TunnelId};
use server_core::{CoreError, DomainRef, Inspected};

/// A tunnel, a domain or a route with its inspector.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which.
    pub of: Inspected,
    /// What people call it.
    pub name: String,
    /// Where a first request can be sent to.
    pub url: Option<String>,
}

impl Place {
    /// The tunnel of the address.
    pub async fn tunnel(visit: &Visit) -> Result<Self, CoreError> {
        let id: TunnelId = id(visit, "tunnel")?;
        let tunnel = visit.services.tunnels().get(&visit.viewer, id).await?;
        let url = tunnel.public_url.trim_end_matches('/');
        Ok(Self { of: Inspected::Tunnel(id), name: tunnel.name.to_string(), url: Some(format!("{url}/")) })
    }

    /// The domain of the address.
    pub async fn domain(visit: &Visit) -> Result<Self, CoreError> {
        let id: DomainId = id(visit, "domain")?;
        let domain = visit.services.hosts().get(&visit.viewer, &DomainRef::Id(id)).await?;
        let url = url(visit, Some(&domain.domain), "/");
        Ok(Self { of: Inspected::Rule(RuleId::Domain(id)), name: domain.domain.to_string(), url })
    }

    /// The route of the address.
    pub async fn route(visit: &Visit) -> Result<Self, CoreError> {
        let id: RouteId = id(visit, "route")?;
        let route = visit.services.routes().get(&visit.viewer, id).await?;
        let host = route.domain.as_ref().map_or_else(|| "any host".to_owned(), ToString::to_string);
        let url = url(visit, route.domain.as_ref(), &route.mount.to_string());
        Ok(Self { of: Inspected::Rule(RuleId::Route(id)), name: format!("{host} {}", route.mount), url })
    }

    /// The one that a form names, see [`key`](Self::key).
    pub fn named(text: &str) -> Option<Inspected> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "tunnel" => id.parse().ok().map(Inspected::Tunnel),
            "domain" => id.parse().ok().map(|id| Inspected::Rule(RuleId::Domain(id))),
            "route" => id.parse().ok().map(|id| Inspected::Rule(RuleId::Route(id))),
            _ => None,
        }
    }

    /// What forms call it.
    pub fn key(&self) -> String {
        match self.of {
            Inspected::Tunnel(id) => format!("tunnel:{id}"),
            Inspected::Rule(RuleId::Domain(id)) => format!("domain:{id}"),
            Inspected::Rule(RuleId::Route(id)) => format!("route:{id}"),
        }
    }

    /// The section of the dashboard that it is in.
    pub fn section(&self) -> Section {
        match self.of {
            Inspected::Tunnel(_) => Section::Tunnels,
            Inspected::Rule(RuleId::Domain(_)) => Section::Domains,
            Inspected::Rule(RuleId::Route(_)) => Section::Routes,
        }
    }

    /// What it is, in a sentence.
    pub fn kind(&self) -> &'static str {
        match self.of {
            Inspected::Tunnel(_) => "tunnel",
            Inspected::Rule(RuleId::Domain(_)) => "domain",
            Inspected::Rule(RuleId::Route(_)) => "route",
        }
    }

    /// The path of its own page, its live socket's and of what is fetched, without what stands before.
    pub fn path(&self) -> String {
        match self.of {
            Inspected::Tunnel(id) => format!("/tunnels/{id}"),
            Inspected::Rule(RuleId::Domain(id)) => format!("/domains/{id}"),
            Inspected::Rule(RuleId::Route(id)) => format!("/routes/{id}"),
        }
    }
}

/// The page of something's inspector.
pub fn page_of(of: Inspected) -> Destination {
    let place = Place { of, name: String::new(), url: None };
    Destination::page(format!("/web{}/inspector", place.path()))
}

fn id<T: std::str::FromStr>(visit: &Visit, what: &'static str) -> Result<T, CoreError> {
    visit.params.get_str("id").and_then(|id| id.parse().ok()).ok_or(CoreError::NotFound(what))
}

/// An address by which a first request comes there: with the scheme and the port of the dashboard, which listens for all.
fn url(visit: &Visit, host: Option<&HostPattern>, path: &str) -> Option<String> {
    let host = host?.to_string();
    let host = host.strip_prefix("*.").map_or_else(|| host.clone(), |rest| format!("www.{rest}"));
    let mut url = url::Url::parse(&visit.request.server_url).ok()?;
    url.set_host(Some(&host)).ok()?;
    url.set_path(path);
    Some(url.to_string())
}

/// How much is kept, as one reads it.
pub fn level(level: CaptureLevel) -> &'static str {
    match level {
        CaptureLevel::Off => "Nothing",
        CaptureLevel::Metadata => "Metadata",
        CaptureLevel::Headers => "Headers",
        CaptureLevel::Bodies => "Headers and bodies",
    }
}
