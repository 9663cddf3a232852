//! One request, in the order in which things happen.

use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use domain::{RecentRequest, TunnelState, has_secret_parameter};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use server_core::{Answered, InFlight, RuleEntry, Services, Tally};
use wire::head::{RequestHead, ResponseHead};
use wire::received::AS_RECEIVED;

use super::answer::Answer;
use super::body::{ProxiedBody, RequestBody};
use super::capture::{Beginning, Capture, Replay};
use super::exchange::{Exchange, Outgoing, Sending, To};
use super::headers::Noticed;
use super::problem::{Problem, X_SWITCHBOARD_ERROR, id_value};
use super::{headers, redirect, relay, upgrade};
use crate::front::{
    Admitted, Ahead, Asking, Doorman, Limits, Pace, Refused, admit, introduce, strip_claims, strip_cookies,
};
use crate::ingress::{Client, ClientBody, ResponseBody};
use crate::routing::{Matched, Pool, Rule, Target, TunnelRoute};

/// How long a path is kept for the list of the latest requests, bytes.
const SHOWN_PATH: usize = 512;

/// How long the parts of an exchange may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the request to the head of the response.
    pub response: Duration,
    /// From one piece of a request body to the next.
    pub idle: Duration,
}

/// A request that is being answered; in a box from its beginning, since what it needs on its way is large, and each layer
/// above would move all of it.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send + 'a>>;

/// Carries requests to telephones and to backends.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where the latest requests are shown.
    pub services: Services,
    /// What is too slow.
    pub timeouts: Timeouts,
    /// The most that the body of a request may have where its owner has not said anything, bytes.
    pub body_limit: Option<u64>,
    /// Counts who is turned away.
    pub refused: Arc<Refused>,
    /// How many requests may come, whatever stands in front.
    pub limits: Arc<Limits>,
    /// Knows who is signed in.
    pub doorman: Arc<Doorman>,
}

impl Proxy {
    /// Answers one request through a telephone of `route`.
    pub fn by_tunnel<'a>(
        &'a self,
        route: &'a Arc<TunnelRoute>,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Answering<'a> {
        let exchange = Exchange::without_rule(To::Tunnel(route), &request, client, arrived);
        Box::pin(self.carry(exchange, request))
    }

    /// Answers one request by a backend of `pool`, with what `rule` changes if there is one, wherever that leads.
    pub fn by_pool<'a>(
        &'a self,
        rule: Option<(&'a Rule, Matched)>,
        pool: &'a Arc<Pool>,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Answering<'a> {
        let to = To::Pool(pool);
        let exchange = match rule {
            None => Exchange::without_rule(to, &request, client, arrived),
            Some((rule, matched)) => {
                let asked = matched.path.unwrap_or_else(|| target_of(&request));
                Exchange::with_rule((to, None), rule, (asked, matched.mount), &request, client, arrived)
            }
        };
        Box::pin(self.carry(exchange, request))
    }

    /// Answers one request as `rule` says.
    pub fn by_rule<'a>(
        &'a self,
        rule: &'a Rule,
        matched: Matched,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Answering<'a> {
        let asked = (matched.path.unwrap_or_else(|| target_of(&request)), matched.mount);
        let to_https = rule.entry.http_to_https && !client.secure;
        let to = match &rule.target {
            _ if to_https => None,
            Target::Nothing | Target::Redirect(_) => None,
            Target::Tunnel(route) => Some((To::Tunnel(route), None)),
            Target::Pool(split) => {
                let (pool, tally) = split.pool(request.headers(), client.address);
                Some((To::Pool(pool), tally))
            }
        };
        match to {
            Some(to) => {
                let exchange = Exchange::with_rule(to, rule, asked, &request, client, arrived);
                Box::pin(self.carry(exchange, request))
            }
            None => Box::pin(self.without_asking(rule, asked, to_https, request, client, arrived)),
        }
    }

    /// Answers a request that nobody is asked about.
    async fn without_asking(
        &self,
        rule: &Rule,
        (asked, mount): (PathAndQuery, usize),
        to_https: bool,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Response<ResponseBody> {
        let headers = request.headers();
        let refused = if to_https { None } else { self.refused_by(rule, &client, &request).await };
        let explained = |problem: Problem| {
            let page = rule.fronts.iter().rev().find_map(|front| front.settings().page(problem.status().as_u16()));
            problem.response_with(headers, client.request_id, page)
        };
        let response = match (&rule.target, refused) {
            _ if to_https => redirect::to_https(headers, &asked, &client),
            (_, Some(problem)) => explained(problem),
            (Target::Redirect(elsewhere), None) => {
                let location = rule.redirect_to(elsewhere, &asked, mount);
                redirect::to(location, elsewhere.status.as_u16(), &client)
            }
            (Target::Nothing | Target::Tunnel(_) | Target::Pool(_), None) => explained(Problem::no_route()),
        };
        self.by_itself(rule, &asked, request, &client, arrived, &response);
        response
    }

    /// What stands in front of a rule that is answered for without asking anybody may not let a request in.
    async fn refused_by(&self, rule: &Rule, client: &Client, request: &Request<ClientBody>) -> Option<Problem> {
        let limited = self.limits.of(rule.entry.owner);
        if rule.fronts.is_empty() && limited.is_none() {
            return None;
        }
        let admitted = admit(rule.fronts.iter().map(Ahead::whole), limited, asking(client, request), &self.doorman);
        let refused = Box::pin(admitted).await.err();
        refused.inspect(|problem| self.count_refused(problem))
    }

    /// A rule is answered for without asking anybody.
    fn by_itself(
        &self,
        rule: &Rule,
        asked: &PathAndQuery,
        mut request: Request<ClientBody>,
        client: &Client,
        arrived: Instant,
        response: &Response<ResponseBody>,
    ) {
        let RuleEntry { id, owner, .. } = rule.entry;
        let beginning = Beginning { owner, rule: Some(id), tunnel: None, service: None, client, asked, arrived };
        if let Some(capture) = Capture::begin(&self.services, &beginning, &mut request) {
            capture.ours(response);
        }
    }

    async fn carry(&self, mut exchange: Exchange<'_>, mut request: Request<ClientBody>) -> Response<ResponseBody> {
        exchange.replayed = request.extensions().get::<Replay>().is_some();
        exchange.capture = Capture::begin(&self.services, &exchange.beginning(), &mut request);
        let exchange = &exchange;
        let in_flight = exchange.to.meter().begin();
        let watched = Watched { tally: exchange.tally, arrived: exchange.arrived };
        let accept = request.headers().get(header::ACCEPT).cloned();
        match self.send(exchange, request, in_flight).await {
            Ok(response) => {
                watched.answered(response.status());
                response
            }
            Err((problem, in_flight)) => {
                match problem.reason() {
                    // It says nothing about whom the request would have gone to.
                    Some(_) => watched.forget(),
                    None => watched.answered(problem.status()),
                }
                self.count_refused(&problem);
                self.count(
                    exchange,
                    &in_flight,
                    problem.status(),
                    Some(problem.code()).filter(|code| !code.is_empty()),
                );
                let accept = accept.map(|accept| (header::ACCEPT, accept));
                let (accept, page) = (HeaderMap::from_iter(accept), exchange.page(problem.status()));
                let response = problem.response_with(&accept, exchange.client.request_id, page);
                if let Some(capture) = &exchange.capture {
                    capture.ours(&response);
                }
                response
            }
        }
    }

    async fn send(
        &self,
        exchange: &Exchange<'_>,
        request: Request<ClientBody>,
        in_flight: InFlight,
    ) -> Result<Response<ResponseBody>, (Problem, InFlight)> {
        if exchange.to.tunnel().is_some_and(|route| route.state == TunnelState::Paused) {
            return Err((Problem::tunnel_paused(), in_flight));
        }
        // Who sends a request again is its owner.
        let limited = if exchange.replayed { None } else { self.limits.of(exchange.to.owner()) };
        let has_to_pass = !exchange.replayed && (limited.is_some() || exchange.fronts().next().is_some());
        let mut admitted = match has_to_pass {
            false => Admitted::default(),
            true => {
                let asking = asking(&exchange.client, &request);
                match Box::pin(admit(exchange.fronts(), limited, asking, &self.doorman)).await {
                    Ok(admitted) => admitted,
                    Err(problem) => return Err((problem, in_flight)),
                }
            }
        };
        let (mut parts, mut body) = request.into_parts();
        let informing = body.informing();
        let (noticed, id) = (Noticed::of(&parts.headers), id_value(exchange.client.request_id));
        let upgrade = if noticed.upgrade { headers::requested_upgrade(&parts.headers) } else { None };
        let on_upgrade = upgrade.is_some().then(|| body.on_upgrade()).flatten();
        // A body and another protocol behind it cannot be had at once (RFC 9110 section 7.8 lets us choose).
        let upgrade = upgrade.filter(|_| on_upgrade.is_some());
        if noticed.ours {
            relay::strip(&mut parts.headers);
            // It is ours to ask: a client would be told what a rule takes out.
            parts.headers.remove(AS_RECEIVED);
        }
        admitted.own = exchange.to.pool().filter(|pool| pool.reaches_far()).map(|_| relay::own(&parts.headers));
        if admitted.by_password {
            parts.headers.remove(header::AUTHORIZATION);
        }
        if noticed.cookies {
            strip_cookies(&mut parts.headers);
        }
        strip_claims(&mut parts.headers, exchange.fronts().any(|ahead| ahead.front.settings().sign_in.is_some()));
        if !exchange.replayed {
            headers::remove_untrusted(&mut parts.headers, noticed, &exchange.client);
        }
        headers::prepare_request(&mut parts.headers, noticed, &exchange.client, parts.version, &id);
        // Only now: a client may name what is to be taken out in `Connection`.
        if let Some(visitor) = &admitted.visitor {
            introduce(&mut parts.headers, visitor);
        }
        exchange.edit_request(&mut parts.headers);
        let head =
            RequestHead { method: parts.method, target: exchange.target.clone(), headers: parts.headers, upgrade };
        let meter = exchange.to.meter();
        let body = match on_upgrade {
            // What follows the request is no body of it, and for the time being the client's.
            Some(_) => Outgoing::Kept,
            None if body.is_end_stream() => Outgoing::Nothing,
            None => {
                let limit = exchange.body_limit(self.body_limit);
                if let Some(limit) = limit
                    && body.size_hint().lower() > limit
                {
                    return Err((Problem::body_over(limit), in_flight));
                }
                let idle = self.timeouts.idle;
                let body = RequestBody::new(body, meter.clone(), exchange.capture.clone(), idle);
                Outgoing::Body(Box::new(body.at_most(limit).paced(admitted.up.take())))
            }
        };
        let answer = match exchange.to {
            To::Tunnel(route) => {
                let (standings, sending) = (&mut admitted.standings, Sending { body, arrivals: 0 });
                let asked = self.ask_tunnel(exchange, route, &head, sending, informing.as_ref(), standings);
                asked.await.map_err(|no_answer| no_answer.problem)
            }
            To::Pool(pool) => self.ask_pool(exchange, pool, head, body, informing.as_ref(), &mut admitted).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(problem) => return Err((problem, in_flight)),
        };
        if answer.head.status == StatusCode::SWITCHING_PROTOCOLS && on_upgrade.is_none() {
            return Err((Problem::bad_gateway(), in_flight));
        }
        // Telephones answer for local servers that do not.
        let code = answer.head.headers.get(&X_SWITCHBOARD_ERROR).and_then(|code| code.to_str().ok());
        self.count(exchange, &in_flight, answer.head.status, code);
        answer.given.answered(answer.head.status);
        let Answer { head, raw, mut body, in_use, mut given, paces, cookie } = answer;
        given.places.extend(admitted.places);
        let paces = (Pace::both(admitted.up, paces.0), Pace::both(admitted.down, paces.1));
        let raw = if raw.is_empty() { body.take_head() } else { raw };
        if let Some(capture) = &exchange.capture {
            capture.answered(head.status, &head.headers, &raw, body.version());
        }
        drop(raw);
        let protocol = head.headers.get(header::UPGRADE).cloned();
        let switched = head.status == StatusCode::SWITCHING_PROTOCOLS;
        let mut response = respond(head, body.version(), id);
        exchange.edit_response(response.headers_mut());
        if !admitted.standings.is_empty() {
            response.headers_mut().extend(admitted.standings.fields());
        }
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        match (body.unwrap_switched(switched), on_upgrade) {
            (Ok(upgraded), Some(on_upgrade)) => {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                response.headers_mut().extend(protocol.map(|protocol| (header::UPGRADE, protocol)));
                let capture = exchange.capture.clone();
                let guards = (in_flight, in_use);
                let join = upgrade::join(on_upgrade, upgraded, meter.clone(), capture, given, paces, guards);
                tokio::spawn(upgrade::while_signed_in(admitted.visitor, join));
            }
            (Err(body), _) => {
                let guards = (in_flight, in_use);
                let body = ProxiedBody::new(body, meter.clone(), exchange.capture.clone(), given, guards);
                let body = body.paced(paces.1).while_signed_in(admitted.visitor);
                *response.body_mut() = ResponseBody::Proxied(body);
            }
            // There was no wish for it, and the status has been looked at above.
            (Ok(_), None) => return Err((Problem::bad_gateway(), in_flight)),
        }
        Ok(response)
    }

    fn count_refused(&self, problem: &Problem) {
        if let Some(reason) = problem.reason() {
            self.refused.count(reason);
        }
    }

    fn count(&self, exchange: &Exchange<'_>, in_flight: &InFlight, status: StatusCode, code: Option<&str>) {
        let latency = exchange.arrived.elapsed();
        in_flight.told(&Answered {
            id: exchange.client.request_id,
            method: exchange.method.as_str(),
            path: exchange.asked.path(),
            client: exchange.client.address,
            status: status.as_u16(),
            code,
            latency,
        });
        let subject = exchange.to.subject();
        tracing::debug!(
            request_id = %exchange.client.request_id, %subject, method = %exchange.method,
            path = exchange.asked.path(), status = status.as_u16(), ?latency, client = %exchange.client.address, "answered"
        );
        self.services.traffic().record_recent(exchange.to.owner(), || RecentRequest {
            id: exchange.client.request_id,
            at: chrono::Utc::now(),
            subject,
            method: exchange.method.to_string(),
            host: exchange.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned(),
            path: shown(&exchange.asked),
            status: status.as_u16(),
            duration_ms: latency.as_secs_f64() * 1000.0,
            client: exchange.client.address,
        });
    }
}

/// A target as the list of the latest requests has it, which nobody masks: without its query where that holds a secret.
fn shown(asked: &PathAndQuery) -> String {
    let is_secret = asked.query().is_some_and(has_secret_parameter);
    let path = if is_secret { asked.path() } else { asked.as_str() };
    path[..path.floor_char_boundary(SHOWN_PATH)].to_owned()
}

/// A request that tells how the tag does that is switched to, if it goes there; also when its client leaves without an
/// answer.
struct Watched<'a> {
    tally: Option<&'a Arc<Tally>>,
    arrived: Instant,
}

impl Watched<'_> {
    fn forget(mut self) {
        self.tally = None;
    }

    fn answered(mut self, status: StatusCode) {
        if let Some(tally) = self.tally.take() {
            tally.answered(status.as_u16(), self.arrived.elapsed());
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(tally) = self.tally {
            tally.given_up(self.arrived.elapsed());
        }
    }
}

fn asking<'a>(client: &Client, request: &'a Request<ClientBody>) -> Asking<'a> {
    Asking {
        client: client.address,
        method: request.method(),
        uri: request.uri(),
        target: request.uri().path_and_query().unwrap_or(&ROOT),
        secure: client.secure,
        headers: request.headers(),
        body: request.body().size_hint().lower(),
    }
}

/// What is asked for where nothing is said.
static ROOT: LazyLock<PathAndQuery> = LazyLock::new(|| PathAndQuery::from_static("/"));

/// Path and query of a request.
pub(super) fn target_of(request: &Request<ClientBody>) -> PathAndQuery {
    request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn respond(head: ResponseHead, version: Version, id: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    headers::prepare_response(response.headers_mut(), version, id);
    // RFC 9110 section 8.6: no Content-Length with 1xx and 204.
    if head.status == StatusCode::NO_CONTENT || head.status.is_informational() {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
