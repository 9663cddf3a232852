//! One request to a pool of backends.

use http::{StatusCode, header};
use server_routing::balance::Tried;
use wire::head::RequestHead;

use super::answer::{Answer, NoAnswer};
use super::exchange::{Exchange, Outgoing, Sending};
use super::forward::Proxy;
use super::problem::Problem;
use super::relay;
use crate::front::{Admitted, Standings, Taken};
use crate::ingress::Informing;
use crate::routing::{Candidate, InUse, Origin, Pool};

impl Proxy {
    /// Gives the request to one of the pool's backends, and to another one as long as the first did nothing with it, or
    /// may have done what may be done twice.
    pub(super) async fn ask_pool(
        &self,
        exchange: &Exchange<'_>,
        pool: &Pool,
        mut head: RequestHead,
        body: Outgoing,
        informing: Option<&Informing>,
        admitted: &mut Admitted,
    ) -> Result<Answer, Problem> {
        let tie = pool.tie(&head.headers, exchange.client.address);
        let mut tried = Tried::default();
        let mut sending = Sending { body, arrivals: 0 };
        let allowed = u32::from(pool.resilience.retries);
        let mut retries = allowed;
        let mut problem = Problem::no_healthy_backend();
        while let Some(place) = pool.pick(tie, &tried, exchange.hopped) {
            let candidate = &pool.candidates()[place];
            let room_to_try = tried.insert(place);
            let Some(in_use) = candidate.backend.begin(candidate.most()) else {
                // Others were faster.
                problem = Problem::busy();
                if room_to_try { continue } else { break }
            };
            let taken = match take(exchange, candidate, &mut admitted.standings) {
                Ok(taken) => taken,
                Err(refused) => {
                    problem = refused;
                    if room_to_try { continue } else { break }
                }
            };
            if let Some(capture) = &exchange.capture {
                capture.given_to_backend(candidate, pool.tag.as_ref());
            }
            let given = candidate.meter.give();
            let Taken { place: under_way, mut up, down } = taken;
            if let Outgoing::Body(body) = &mut sending.body {
                body.given_to_backend(&candidate.meter, up.take());
            }
            let failure = match self.ask_candidate(exchange, candidate, &mut head, sending, informing, admitted).await {
                Ok(mut answer) => {
                    judge(&in_use, answer.head.status, pool);
                    answer.cookie = pool.set_cookie(tie, place, exchange.client.secure);
                    answer.in_use = Some(in_use);
                    answer.given.backend = Some(given);
                    answer.given.places.extend(under_way);
                    answer.paces = (up, down);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            if failure.fault {
                in_use.backend().failed(&pool.resilience);
            }
            problem = failure.problem;
            match failure.again {
                // It may have arrived twice at the same one, whose connection was closed at that moment.
                Some(again) if retries > 0 && room_to_try && again.arrivals <= allowed => sending = again,
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
        sending: Sending,
        informing: Option<&Informing>,
        admitted: &mut Admitted,
    ) -> Result<Answer, NoAnswer> {
        match &candidate.origin {
            // In boxes: most pools have none of these, and every request would have to have room for them.
            Origin::Tunnel(route) => {
                let standings = &mut admitted.standings;
                Box::pin(self.ask_tunnel(exchange, route, head, sending, informing, standings)).await
            }
            Origin::Address(upstream) => {
                if !exchange.tells_backend_its_host() {
                    return self.ask_upstream(exchange, upstream, head, sending, informing).await;
                }
                // It is this backend's alone: the next one may be a tunnel, which is told the client's.
                let clients = head.headers.insert(header::HOST, upstream.authority().clone());
                let answer = self.ask_upstream(exchange, upstream, head, sending, informing).await;
                if let Some(host) = clients {
                    head.headers.insert(header::HOST, host);
                }
                answer
            }
            Origin::Region(upstream) => {
                let mut head = relay::onward(exchange, head, upstream, admitted.own.as_ref(), &self.services);
                Box::pin(self.ask_upstream(exchange, upstream, &mut head, sending, informing)).await
            }
        }
    }
}

/// Takes up what the tunnel's owner allows of it, if it is one. Who sends a request again is its owner.
fn take(exchange: &Exchange<'_>, candidate: &Candidate, standings: &mut Standings) -> Result<Taken, Problem> {
    match &candidate.origin {
        Origin::Tunnel(route) if !exchange.replayed => match &route.front {
            Some(front) => front.take(exchange.client.address, standings),
            None => Ok(Taken::default()),
        },
        Origin::Tunnel(_) | Origin::Address(_) | Origin::Region(_) => Ok(Taken::default()),
    }
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
