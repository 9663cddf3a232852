//! Who gets a request that is sent again: only what is its owner's.

use std::sync::Arc;
use std::time::Instant;

use domain::{ReplayTarget, UserId};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, header};
use server_core::{CoreError, ReplayOrder, Result};
use url::Position::{AfterPort, BeforeHost};
use url::Url;

use crate::ingress::{Client, ClientBody, RequestHost, ResponseBody};
use crate::proxy::Proxy;
use crate::routing::{Destination, Matched, Meant, Pool, Routing, Rule, Target, TunnelRoute};

/// Where a request goes.
#[derive(Debug)]
pub(super) enum Way {
    /// To a tunnel.
    Tunnel(Arc<TunnelRoute>),
    /// Where a rule says.
    Rule(Arc<Rule>, Matched),
    /// To chosen backends, with what a rule changes.
    Pool(Option<(Arc<Rule>, Matched)>, Arc<Pool>),
}

impl Way {
    /// Finds it. A request to another tunnel gets that one's `Host`.
    pub(super) async fn find(routing: &Routing, order: &ReplayOrder, request: &mut Request<()>) -> Result<Self> {
        match &order.to {
            None => Self::of_host(routing, order.owner, request)?.checked(order.secure),
            Some(ReplayTarget::Tunnel(id)) => {
                let route = routing.table().tunnel(*id).filter(|route| route.owner == order.owner).cloned();
                let route = route.ok_or(CoreError::NotFound("tunnel"))?;
                let host = Url::parse(&route.address.public_url).ok();
                let host = host.and_then(|url| HeaderValue::from_str(&url[BeforeHost..AfterPort]).ok());
                if let Some(host) = host {
                    request.headers_mut().insert(header::HOST, host);
                }
                Ok(Self::Tunnel(route))
            }
            Some(ReplayTarget::Tag(tag)) => {
                let rule = Self::of_host(routing, order.owner, request).ok().and_then(Self::into_rule);
                let of_rule = rule.as_ref().and_then(|(rule, _)| match &rule.target {
                    Target::Pool(split) => Some(split.pools().0.service),
                    Target::Tunnel(_) | Target::Redirect(_) | Target::Nothing => None,
                });
                let service = of_rule.or(order.service).ok_or_else(|| CoreError::Unusable {
                    code: "no_service",
                    field: "to",
                    message: "host and path lead to no service, so there are no tags".to_owned(),
                })?;
                let pool = own_pool(routing, order.owner, Meant::Tag(service, tag.clone())).await?;
                Ok(Self::Pool(rule, pool.ok_or(CoreError::NotFound("tag on a backend here"))?))
            }
            Some(ReplayTarget::Backend(id)) => {
                let rule = Self::of_host(routing, order.owner, request).ok().and_then(Self::into_rule);
                let pool = own_pool(routing, order.owner, Meant::Backend(*id)).await?;
                Ok(Self::Pool(rule, pool.ok_or(CoreError::NotFound("backend here"))?))
            }
        }
    }

    /// Where host and path lead, as they do for anybody.
    fn of_host(routing: &Routing, owner: UserId, request: &Request<()>) -> Result<Self> {
        let host = RequestHost::of(request.uri(), request.headers());
        let host = host.map_err(|error| CoreError::Invalid { field: "headers", message: error.to_string() })?;
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        // What is someone else's is not there.
        match routing.table().find(&host, target) {
            Ok(Destination::Tunnel(route)) if route.owner == owner => Ok(Self::Tunnel(route)),
            Ok(Destination::Rule(rule, matched)) if rule.entry.owner == owner => Ok(Self::Rule(rule, matched)),
            Ok(_) | Err(_) => Err(CoreError::NotFound("tunnel, domain or route of yours at this host and path")),
        }
    }

    /// What would be answered without asking anybody is no replay.
    fn checked(self, secure: bool) -> Result<Self> {
        let message = match &self {
            Self::Rule(rule, _) if rule.entry.http_to_https && !secure => {
                "host and path are redirected to https now, and the request came without; choose whom to send it to"
            }
            Self::Rule(rule, _) if matches!(rule.target, Target::Redirect(_)) => "host and path are redirected now",
            Self::Rule(rule, _) if matches!(rule.target, Target::Nothing) => "host and path lead to nothing now",
            _ => return Ok(self),
        };
        Err(CoreError::Conflict { code: "replay_nowhere", message: message.to_owned() })
    }

    fn into_rule(self) -> Option<(Arc<Rule>, Matched)> {
        match self {
            Self::Rule(rule, matched) => Some((rule, matched)),
            Self::Tunnel(_) | Self::Pool(..) => None,
        }
    }

    /// The data plane thread on which it costs least.
    pub(super) fn home(&self) -> Option<usize> {
        match self {
            Self::Tunnel(route) => route.sessions.home(),
            Self::Rule(rule, _) => match &rule.target {
                Target::Tunnel(route) => route.sessions.home(),
                Target::Pool(_) | Target::Redirect(_) | Target::Nothing => None,
            },
            Self::Pool(..) => None,
        }
    }

    /// Sends it there.
    pub(super) async fn ask(
        &self,
        proxy: &Proxy,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Response<ResponseBody> {
        match self {
            Self::Tunnel(route) => proxy.by_tunnel(route, request, client, arrived).await,
            Self::Rule(rule, matched) => proxy.by_rule(rule, matched.clone(), request, client, arrived).await,
            Self::Pool(rule, pool) => {
                let rule = rule.as_ref().map(|(rule, matched)| (&**rule, matched.clone()));
                proxy.by_pool(rule, pool, request, client, arrived).await
            }
        }
    }
}

async fn own_pool(routing: &Routing, owner: UserId, meant: Meant) -> Result<Option<Arc<Pool>>> {
    let pool = routing.pool_of(&meant).await;
    Ok(pool.filter(|pool| pool.owner == owner).map(Arc::new))
}
