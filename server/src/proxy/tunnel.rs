//! One request to a telephone.

use std::pin::pin;

use bytes::Bytes;
use http::StatusCode;
use telephone::line::{Head, RecvBody, ResponseFuture, SendBody, StreamError};
use tokio::task::JoinHandle;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};
use wire::received;

use super::answer::{Answer, AnswerBody, NoAnswer};
use super::attempts::Attempts;
use super::body::RequestBody;
use super::deadline::{Progress, within};
use super::exchange::{Exchange, Outgoing, Sending};
use super::forward::Proxy;
use super::problem::Problem;
use crate::front::Standings;
use crate::ingress::Informing;
use crate::routing::TunnelRoute;

impl Proxy {
    /// Sends the request and waits for the head of the response, on another line when the first one breaks and the
    /// request may be repeated.
    pub(super) async fn ask_tunnel(
        &self,
        exchange: &Exchange<'_>,
        route: &TunnelRoute,
        head: &RequestHead,
        sending: Sending,
        informing: Option<&Informing>,
        standings: &mut Standings,
    ) -> Result<Answer, NoAnswer> {
        let payer = (!exchange.replayed).then_some((exchange.client.address, standings));
        let Sending { mut body, mut arrivals } = sending;
        let mut attempts = Attempts::new(route, exchange.capture.as_deref(), payer);
        loop {
            let (line, (send, response)) = match attempts.open(head, matches!(body, Outgoing::Nothing)).await {
                Ok(opened) => opened,
                Err(problem) => {
                    // A telephone that does not come back is not one that fails.
                    let fault = problem.status().is_server_error() && !route.sessions.is_empty();
                    return Err(NoAnswer { problem, again: Some(Sending { body, arrivals }), fault });
                }
            };
            let given = line.meter.give();
            if let Outgoing::Body(body) = &mut body {
                body.given_to_session(&line.meter);
            }
            let progress = match &body {
                Outgoing::Body(body) => Some(body.progress()),
                Outgoing::Nothing | Outgoing::Kept => None,
            };
            let (sent, kept) = begin(body, send, exchange);
            let response = self.response(response, progress.as_ref(), informing).await;
            let response = response.map_err(|problem| NoAnswer { problem, again: None, fault: true })?;
            let error = match response {
                Ok((mut head, recv)) => {
                    if let Some(code) = local_failure(&head) {
                        self.services.presence().note_local_failure(route.id, line.session, code);
                    }
                    // Only whoever was asked tells it; otherwise it is a field like any other.
                    let raw = if attempts.wants_head(&line) { received::told(&mut head) } else { Bytes::new() };
                    let mut answer = Answer::new(head, AnswerBody::Tunnel(recv, kept));
                    answer.raw = raw;
                    answer.given.session = Some(given);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            tracing::debug!(request_id = %exchange.client.request_id, %error, "no response came from the telephone");
            if let Some(limit) = progress.as_ref().and_then(Progress::exceeded) {
                return Err(NoAnswer { problem: Problem::body_over(limit), again: None, fault: false });
            }
            let may_repeat = attempts.may_repeat(&exchange.method, &error, arrivals);
            arrivals += u32::from(!error.is_refused());
            let again = match may_repeat {
                true => sent.again().await,
                false => None,
            };
            let fault = !progress.is_some_and(|body| body.is_broken());
            body = again.ok_or_else(|| NoAnswer { problem: problem_of(&error), again: None, fault })?;
            attempts.repeated();
        }
    }

    /// Waits for the head of the response; those before it are passed on.
    async fn response(
        &self,
        mut response: ResponseFuture,
        progress: Option<&Progress>,
        informing: Option<&Informing>,
    ) -> Result<Result<(ResponseHead, RecvBody), StreamError>, Problem> {
        let head = async {
            loop {
                match response.next_head().await? {
                    Head::Final(head, body) => return Ok((head, body)),
                    Head::Informational(mut head) => {
                        http1::remove_hop_by_hop(&mut head.headers);
                        if let Some(informing) = informing {
                            informing.send(head.status, head.headers);
                        }
                    }
                }
            }
        };
        within(self.timeouts.response, progress, pin!(head)).await.ok_or_else(Problem::gateway_timeout)
    }
}

/// What has become of what goes after a head.
enum Sent {
    Nothing,
    Kept,
    Body(JoinHandle<Box<RequestBody>>),
}

/// Begins to send what goes after the head. The sending half comes back when it is kept.
fn begin(body: Outgoing, send: SendBody, exchange: &Exchange<'_>) -> (Sent, Option<SendBody>) {
    let id = exchange.client.request_id;
    match body {
        Outgoing::Nothing => (Sent::Nothing, None),
        Outgoing::Kept => (Sent::Kept, Some(send)),
        // In a task of its own: the response may begin, and even end, before the request has.
        Outgoing::Body(mut body) => (
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

impl Sent {
    /// The same from its beginning, if all of it is still at hand.
    async fn again(self) -> Option<Outgoing> {
        match self {
            Self::Nothing => Some(Outgoing::Nothing),
            Self::Kept => Some(Outgoing::Kept),
            // The stream is over, so the task is about to be.
            Self::Body(sent) => sent.await.ok()?.again().map(Outgoing::Body),
        }
    }
}

/// What a telephone says itself when it has no answer of its local server.
fn local_failure(head: &ResponseHead) -> Option<&'static str> {
    if head.status != StatusCode::BAD_GATEWAY {
        return None;
    }
    let code = head.headers.get("x-switchboard-error")?;
    ["local_unreachable", "local_broken", "local_not_http2"].into_iter().find(|known| code == known)
}

fn problem_of(error: &StreamError) -> Problem {
    match error {
        StreamError::Reset(ResetCode::REFUSED | ResetCode::LIMIT) => Problem::busy(),
        _ => Problem::bad_gateway(),
    }
}
