//! Who answers a request: the dashboard, a tunnel, or nobody.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tower::ServiceExt;

use super::{Client, Handler, RequestHost, ResponseBody, TrustedProxies};
use crate::proxy::{Problem, Proxy};
use crate::routing::{Destination, Routing};
use crate::tunnel::Endpoint;

/// The longest head, bytes, counted as on the wire; beyond it 431. The connection's buffer alone is no limit: what one
/// read brings may exceed it.
const MAX_HEAD: usize = 32 * 1024;
/// The longest path and query, bytes; beyond it 414.
const MAX_TARGET: usize = 16 * 1024;

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
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<ResponseBody> {
        let arrived = Instant::now();
        let client = Client::of(peer, request.headers(), &self.trusted);
        match self.destination(&request) {
            Ok(Destination::Tunnel(route)) => self.proxy.forward(&route, request, client, arrived).await,
            Ok(Destination::Dashboard) if request.uri().path() == "/tunnel" => self.endpoint.answer(request, client),
            Ok(Destination::Dashboard) => self.ask_dashboard(request, client).await,
            Err(problem) => problem.response(request.headers(), client.request_id),
        }
    }
}

impl Dispatch {
    fn destination(&self, request: &Request<Incoming>) -> Result<Destination, Problem> {
        // Neither means anything here: this is no forward proxy, and TRACE would echo credentials (RFC 9110 9.3.8).
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return Err(Problem::method_not_allowed());
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET) {
            return Err(Problem::uri_too_long());
        }
        let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        if fields.sum::<usize>() > MAX_HEAD {
            return Err(Problem::head_too_large());
        }
        let host = RequestHost::of(request.uri(), request.headers()).map_err(|error| Problem::bad_host(&error))?;
        self.routing.table().find(&host).ok_or_else(Problem::no_route)
    }

    /// Has the control plane answer. A client that goes away ends the handler, too.
    async fn ask_dashboard(&self, request: Request<Incoming>, client: Client) -> Response<ResponseBody> {
        let headers = request.headers().clone();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(client);
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
