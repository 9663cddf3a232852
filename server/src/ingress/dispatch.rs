//! Who answers a request: the dashboard, a tunnel, or nobody.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http1::RequestError;
use tokio::runtime::Handle;
use tower::ServiceExt;

use super::first_words::peek;
use super::{Client, ClientBody, DataPlane, Handler, RequestHost, ResponseBody, TrustedProxies};
use crate::proxy::{Problem, Proxy, relayed_client};
use crate::routing::{Destination, NoDestination, Routing, Target};
use crate::tunnel::Endpoint;
use crate::web::own_cookies;

/// The most that all fields of a request may have, bytes, counted as on the wire; beyond it 431.
const MAX_FIELDS: usize = 32 * 1024;
/// The most that one of them may have. Hardly a server behind takes more, and each has another answer to it.
const MAX_FIELD: usize = 16 * 1024;
/// What is answered even when there is no place.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// Where telephones dial in.
pub(crate) const ENDPOINT: &str = "/tunnel";

/// The choice that every request goes through.
#[derive(Debug)]
pub struct Dispatch {
    /// Which host leads where.
    pub routing: Arc<Routing>,
    /// Carries requests to telephones.
    pub proxy: Proxy,
    /// Where telephones dial in.
    pub endpoint: Arc<Endpoint>,
    /// Dashboard, API and health.
    pub dashboard: Router,
    /// The control plane's runtime, on which `dashboard` runs.
    pub control: Handle,
    /// Whose `X-Forwarded-*` is believed.
    pub trusted: TrustedProxies,
}

impl Handler for Dispatch {
    async fn answer(&self, mut request: Request<ClientBody>, peer: IpAddr) -> Response<ResponseBody> {
        let arrived = Instant::now();
        let client = self.client(&request, peer);
        match self.destination(&request) {
            Ok(Destination::Tunnel(route)) => self.proxy.by_tunnel(&route, request, client, arrived).await,
            Ok(Destination::Rule(rule, matched)) => {
                let on_dashboards_host = matched.on_dashboards_host;
                if on_dashboards_host {
                    own_cookies::take_out(request.headers_mut());
                }
                let mut answer = self.proxy.by_rule(&rule, matched, request, client, arrived).await;
                if on_dashboards_host {
                    own_cookies::keep(answer.headers_mut());
                }
                answer
            }
            Ok(Destination::Dashboard) if request.uri().path() == ENDPOINT => self.endpoint.answer(request, client),
            Ok(Destination::Dashboard) => Box::pin(self.ask_dashboard(request, client)).await,
            Err(problem) => problem.response(request.headers(), client.request_id),
        }
    }

    async fn turn_away(&self, request: Request<ClientBody>, peer: IpAddr) -> Response<ResponseBody> {
        let client = self.client(&request, peer);
        match self.destination(&request) {
            Ok(Destination::Dashboard) if HEALTH.contains(&request.uri().path()) => {
                self.ask_dashboard(request, client).await
            }
            Ok(_) => Problem::full().response(request.headers(), client.request_id),
            Err(problem) => problem.response(request.headers(), client.request_id),
        }
    }

    fn failed(&self) -> Response<ResponseBody> {
        let id = domain::RequestId(uuid::Uuid::now_v7());
        tracing::error!(request_id = %id, "a request could not be answered: its handler failed");
        Problem::of_ours(StatusCode::INTERNAL_SERVER_ERROR).response(&http::HeaderMap::new(), id)
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.trusted.contains(peer)
    }

    fn refuse(&self, error: RequestError) -> Response<ResponseBody> {
        let id = domain::RequestId(uuid::Uuid::now_v7());
        Problem::unreadable(error).response(&http::HeaderMap::new(), id)
    }

    /// A visitor's connection is at home where the telephone's is, so that its requests wake no other thread; a
    /// telephone's where there are fewest of its kind; and one to a backend, which every thread has connections to,
    /// where there are fewest at all.
    fn home(&self, received: &[u8], plane: &DataPlane) -> Option<usize> {
        let (target, host) = peek(received)?;
        let host = RequestHost::parse(host).ok()?;
        match self.routing.table().find(&host, target).ok()? {
            Destination::Tunnel(route) => route.sessions.home(),
            Destination::Rule(rule, _) => match &rule.target {
                Target::Tunnel(route) => route.sessions.home(),
                Target::Pool(_) | Target::Redirect(_) | Target::Nothing => Some(plane.quietest()),
            },
            Destination::Dashboard => (target == ENDPOINT).then(|| plane.emptiest()),
        }
    }
}

impl Dispatch {
    /// Whose a request is, as far as whoever says so is believed.
    fn client(&self, request: &Request<ClientBody>, peer: IpAddr) -> Client {
        relayed_client(Client::of(peer, request.headers(), &self.trusted), request, &self.proxy.services)
    }

    fn destination(&self, request: &Request<ClientBody>) -> Result<Destination, Problem> {
        check(request)?;
        let host = RequestHost::of(request.uri(), request.headers()).map_err(|error| Problem::bad_host(&error))?;
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        self.routing.table().find(&host, target).map_err(|error| match error {
            NoDestination::Unknown => Problem::no_route(),
            NoDestination::Path(error) => Problem::bad_path(error),
        })
    }

    /// Has the control plane answer. A client that goes away ends the handler, too.
    async fn ask_dashboard(&self, request: Request<ClientBody>, client: Client) -> Response<ResponseBody> {
        let headers = request.headers().clone();
        let (parts, mut body) = request.into_parts();
        let upgrade = body.on_upgrade();
        let mut request = Request::from_parts(parts, axum::body::Body::new(body));
        request.extensions_mut().insert(client);
        if let Some(upgrade) = upgrade {
            request.extensions_mut().insert(Arc::new(Mutex::new(Some(upgrade))));
        }
        let answer = self.control.spawn(self.dashboard.clone().oneshot(request));
        match tokio_util::task::AbortOnDropHandle::new(answer).await {
            Ok(Ok(response)) => response.map(ResponseBody::Control),
            Ok(Err(never)) => match never {},
            Err(error) => {
                tracing::error!(%error, request_id = %client.request_id, "a dashboard handler failed");
                Problem::of_ours(StatusCode::INTERNAL_SERVER_ERROR).response(&headers, client.request_id)
            }
        }
    }
}

/// Whether it is a request that can be passed on, to whomever.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Problem> {
    // Neither means anything here: this is no forward proxy, and TRACE would echo credentials (RFC 9110 9.3.8).
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Problem::method_not_allowed());
    }
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let (all, largest) = fields.fold((0, 0), |(all, largest), field| (all + field, field.max(largest)));
    if all > MAX_FIELDS || largest > MAX_FIELD {
        return Err(Problem::head_too_large());
    }
    let expected = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !request.headers().get_all(header::EXPECT).iter().all(expected) {
        return Err(Problem::expectation_failed());
    }
    Ok(())
}
