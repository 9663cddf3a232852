//! One request through a tunnel, in the order in which things happen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{RecentRequest, TunnelState};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use server_core::{InFlight, Services};
use telephone::line::{Head, RecvBody, ResponseFuture, SendBody, StreamError};
use tokio::task::JoinHandle;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};

use super::attempts::Attempts;
use super::body::{RequestBody, TunnelBody};
use super::problem::Problem;
use super::{headers, upgrade};
use crate::ingress::{Client, ClientBody, Informing, ResponseBody};
use crate::routing::TunnelRoute;

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

/// Carries requests to telephones.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where the latest requests are shown.
    pub services: Services,
    /// What is too slow.
    pub timeouts: Timeouts,
}

/// What is known of a request before it is sent.
struct Exchange<'a> {
    route: &'a TunnelRoute,
    client: Client,
    arrived: Instant,
    method: Method,
    target: PathAndQuery,
}

impl Proxy {
    /// Answers one request through a telephone of `route`.
    pub async fn forward(
        &self,
        route: &Arc<TunnelRoute>,
        request: Request<ClientBody>,
        client: Client,
        arrived: Instant,
    ) -> Response<ResponseBody> {
        let in_flight = route.meter.begin();
        let accept = request.headers().get(header::ACCEPT).cloned();
        let target = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let exchange = Exchange { route, client, arrived, method: request.method().clone(), target };
        match self.send(&exchange, request, in_flight).await {
            Ok(response) => response,
            Err((problem, in_flight)) => {
                self.count(&exchange, &in_flight, problem.status());
                let accept = accept.map(|accept| (header::ACCEPT, accept));
                problem.response(&HeaderMap::from_iter(accept), client.request_id)
            }
        }
    }

    async fn send(
        &self,
        exchange: &Exchange<'_>,
        request: Request<ClientBody>,
        in_flight: InFlight,
    ) -> Result<Response<ResponseBody>, (Problem, InFlight)> {
        if exchange.route.state == TunnelState::Paused {
            return Err((Problem::tunnel_paused(), in_flight));
        }
        let (mut parts, mut body) = request.into_parts();
        let informing = body.informing();
        let upgrade = headers::requested_upgrade(&parts.headers);
        let on_upgrade = upgrade.is_some().then(|| body.on_upgrade()).flatten();
        // A body and another protocol behind it cannot be had at once (RFC 9110 section 7.8 lets us choose).
        let upgrade = upgrade.filter(|_| on_upgrade.is_some());
        headers::prepare_request(&mut parts.headers, &exchange.client);
        let head =
            RequestHead { method: parts.method, target: exchange.target.clone(), headers: parts.headers, upgrade };
        let body = match on_upgrade {
            // What follows the request is no body of it, and for the time being the client's.
            Some(_) => Sending::Kept,
            None if body.is_end_stream() => Sending::Nothing,
            None => Sending::Body(RequestBody::new(body, exchange.route.meter.clone(), self.timeouts.idle)),
        };
        let (response, recv, send) = match self.ask(exchange, &head, body, informing.as_ref()).await {
            Ok(answered) => answered,
            Err(problem) => return Err((problem, in_flight)),
        };
        let switched = response.status == StatusCode::SWITCHING_PROTOCOLS;
        if switched && on_upgrade.is_none() {
            return Err((Problem::bad_gateway(), in_flight));
        }
        self.count(exchange, &in_flight, response.status);
        let meter = exchange.route.meter.clone();
        let protocol = response.headers.get(header::UPGRADE).cloned();
        let mut answer = respond(response, &exchange.client);
        match (send, on_upgrade) {
            (Some(send), Some(on_upgrade)) if switched => {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                answer.headers_mut().extend(protocol.map(|protocol| (header::UPGRADE, protocol)));
                tokio::spawn(upgrade::join(on_upgrade, send, recv, meter, in_flight));
            }
            (send, _) => {
                // The wish for an upgrade was not granted: that request had no body, and now that is known.
                if let Some(Err(error)) = send.map(SendBody::finish) {
                    tracing::debug!(request_id = %exchange.client.request_id, %error, "the request was not ended");
                }
                *answer.body_mut() = ResponseBody::Tunnel(TunnelBody::new(recv, meter, in_flight));
            }
        }
        Ok(answer)
    }

    /// Sends the request and waits for the head of the response, on another line when the first one breaks and the
    /// request may be repeated. The sending half comes back when an upgrade was asked for.
    async fn ask(
        &self,
        exchange: &Exchange<'_>,
        head: &RequestHead,
        mut body: Sending,
        informing: Option<&Informing>,
    ) -> Result<(ResponseHead, RecvBody, Option<SendBody>), Problem> {
        let mut attempts = Attempts::new(exchange.route);
        loop {
            let (send, response) = attempts.open(head, matches!(body, Sending::Nothing)).await?;
            let (sent, kept) = body.begin(send, exchange);
            match self.response(response, informing).await? {
                Ok((head, recv)) => return Ok((head, recv, kept)),
                Err(error) => {
                    tracing::debug!(request_id = %exchange.client.request_id, %error, "no response came from the telephone");
                    if !attempts.may_repeat(&exchange.method, &error) {
                        return Err(problem_of(&error));
                    }
                    body = sent.again().await.ok_or_else(|| problem_of(&error))?;
                    attempts.repeated();
                }
            }
        }
    }

    /// Waits for the head of the response; those before it are passed on.
    async fn response(
        &self,
        mut response: ResponseFuture,
        informing: Option<&Informing>,
    ) -> Result<Result<(ResponseHead, RecvBody), StreamError>, Problem> {
        let head = async {
            loop {
                match response.next_head().await? {
                    Head::Final(head, body) => return Ok((head, body)),
                    Head::Informational(mut head) => {
                        headers::remove_hop_by_hop(&mut head.headers);
                        if let Some(informing) = informing {
                            informing.send(head.status, head.headers);
                        }
                    }
                }
            }
        };
        tokio::time::timeout(self.timeouts.response, head).await.map_err(|_| Problem::gateway_timeout())
    }

    fn count(&self, exchange: &Exchange<'_>, in_flight: &InFlight, status: StatusCode) {
        let latency = exchange.arrived.elapsed();
        in_flight.answered(status.as_u16(), latency);
        let path = exchange.target.as_str();
        tracing::debug!(
            request_id = %exchange.client.request_id, tunnel = %exchange.route.id, method = %exchange.method,
            path = exchange.target.path(), status = status.as_u16(), ?latency, client = %exchange.client.address, "answered"
        );
        self.services.traffic().record_recent(exchange.route.owner, || RecentRequest {
            id: exchange.client.request_id,
            at: chrono::Utc::now(),
            subject: exchange.route.id.0,
            method: exchange.method.to_string(),
            path: path[..path.floor_char_boundary(SHOWN_PATH)].to_owned(),
            status: status.as_u16(),
            duration_ms: latency.as_secs_f64() * 1000.0,
            client: exchange.client.address,
        });
    }
}

/// What goes after the head of a request.
enum Sending {
    /// Nothing: it is over with the head.
    Nothing,
    /// Nothing yet: it depends on the answer.
    Kept,
    /// A body.
    Body(RequestBody),
}

/// What has become of it.
enum Sent {
    Nothing,
    Kept,
    Body(JoinHandle<RequestBody>),
}

impl Sending {
    /// Begins to send it. The sending half comes back when it is kept.
    fn begin(self, send: SendBody, exchange: &Exchange<'_>) -> (Sent, Option<SendBody>) {
        let id = exchange.client.request_id;
        match self {
            Self::Nothing => (Sent::Nothing, None),
            Self::Kept => (Sent::Kept, Some(send)),
            // In a task of its own: the response may begin, and even end, before the request has.
            Self::Body(mut body) => (
                Sent::Body(tokio::spawn(async move {
                    if let Err(error) = send.send_all(&mut body).await {
                        tracing::debug!(request_id = %id, %error, "the request body was not sent whole");
                    }
                    body
                })),
                None,
            ),
        }
    }
}

impl Sent {
    /// The same from its beginning, if all of it is still at hand.
    async fn again(self) -> Option<Sending> {
        match self {
            Self::Nothing => Some(Sending::Nothing),
            Self::Kept => Some(Sending::Kept),
            // The stream is over, so the task is about to be.
            Self::Body(sent) => sent.await.ok()?.again().map(Sending::Body),
        }
    }
}

fn problem_of(error: &StreamError) -> Problem {
    match error {
        StreamError::Reset(ResetCode::REFUSED | ResetCode::LIMIT) => Problem::busy(),
        _ => Problem::bad_gateway(),
    }
}

fn respond(head: ResponseHead, client: &Client) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    headers::prepare_response(response.headers_mut(), client);
    // RFC 9110 section 8.6: no Content-Length with 1xx and 204.
    if head.status == StatusCode::NO_CONTENT || head.status.is_informational() {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
