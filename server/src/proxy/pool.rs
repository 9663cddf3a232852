//! One request to a pool of backends.

use http::{HeaderName, HeaderValue, StatusCode, header};
use server_routing::balance::Tried;
use wire::head::RequestHead;

use super::answer::{Answer, NoAnswer};
use super::exchange::{Exchange, Outgoing};
use super::forward::Proxy;
use super::headers;
use super::problem::Problem;
use crate::front::Standings;
use crate::ingress::Informing;
use crate::routing::{Candidate, InUse, Origin, Pool};
use crate::upstream::Upstream;

/// Says that a switchboard of another region has passed the request on. Whoever sends it can only keep the request from
/// being passed on once more.
pub(super) const HOP: HeaderName = HeaderName::from_static("x-switchboard-hop");

impl Proxy {
    /// Gives the request to one of the pool's backends, and to another one as long as the first did nothing with it, or
    /// may have done what may be done twice.
    pub(super) async fn ask_pool(
        &self,
        exchange: &Exchange<'_>,
        pool: &Pool,
        mut head: RequestHead,
        mut body: Outgoing,
        informing: Option<&Informing>,
        standings: &mut Standings,
    ) -> Result<Answer, Problem> {
        let tie = pool.tie(&head.headers, exchange.client.address);
        let mut tried = Tried::default();
        let mut retries = pool.resilience.retries;
        let mut problem = Problem::no_healthy_backend();
        while let Some(place) = pool.pick(tie, &tried, exchange.hopped) {
            let candidate = &pool.candidates()[place];
            let room_to_try = tried.insert(place);
            let Some(in_use) = candidate.backend.begin(candidate.most()) else {
                // Others were faster.
                problem = Problem::busy();
                if room_to_try { continue } else { break }
            };
            if let Some(capture) = &exchange.capture {
                capture.given_to_backend(candidate, pool.tag.as_ref());
            }
            let given = candidate.meter.give();
            if let Outgoing::Body(body) = &mut body {
                body.given_to_backend(&candidate.meter);
            }
            let failure = match self.ask_candidate(exchange, candidate, &mut head, body, informing, standings).await {
                Ok(mut answer) => {
                    judge(&in_use, answer.head.status, pool);
                    answer.cookie = pool.set_cookie(tie, place, exchange.client.secure);
                    answer.in_use = Some(in_use);
                    answer.given.backend = Some(given);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            if failure.fault {
                in_use.backend().failed(&pool.resilience);
            }
            problem = failure.problem;
            match failure.again {
                Some(again) if retries > 0 && room_to_try => body = again,
                _ => break,
            }
            retries -= 1;
            pool.meter.retried();
        }
        Err(problem)
    }

    async fn ask_candidate(
        &self,
        exchange: &Exchange<'_>,
        candidate: &Candidate,
        head: &mut RequestHead,
        body: Outgoing,
        informing: Option<&Informing>,
        standings: &mut Standings,
    ) -> Result<Answer, NoAnswer> {
        match &candidate.origin {
            // In boxes: most pools have none of these, and every request would have to have room for them.
            Origin::Tunnel(route) => Box::pin(self.ask_tunnel(exchange, route, head, body, informing, standings)).await,
            Origin::Address(upstream) => {
                if !exchange.tells_backend_its_host() {
                    return self.ask_upstream(exchange, upstream, head, body, informing).await;
                }
                // It is this backend's alone: the next one may be a tunnel, which is told the client's.
                let clients = head.headers.insert(header::HOST, upstream.authority().clone());
                let answer = self.ask_upstream(exchange, upstream, head, body, informing).await;
                if let Some(host) = clients {
                    head.headers.insert(header::HOST, host);
                }
                answer
            }
            Origin::Region(upstream) => {
                let mut head = for_another_region(exchange, head, upstream);
                Box::pin(self.ask_upstream(exchange, upstream, &mut head, body, informing)).await
            }
        }
    }
}

/// The request as its client sent it, since the other region has the same rules and follows them itself.
fn for_another_region(exchange: &Exchange<'_>, head: &RequestHead, upstream: &Upstream) -> RequestHead {
    let mut head = RequestHead { target: exchange.asked.clone(), ..head.clone() };
    let asked = head.headers.get(headers::X_FORWARDED_HOST).cloned();
    head.headers.insert(header::HOST, asked.unwrap_or_else(|| upstream.authority().clone()));
    head.headers.insert(HOP, HeaderValue::from_static("1"));
    head
}

/// Notes how the backend fared. A gateway that has nothing behind it is as good as nothing.
fn judge(in_use: &InUse, status: StatusCode, pool: &Pool) {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            in_use.backend().failed(&pool.resilience);
        }
        _ => in_use.backend().succeeded(),
    }
}
