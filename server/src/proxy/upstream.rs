//! One request to a backend that is an address.

use std::pin::pin;

use wire::head::RequestHead;

use super::answer::{Answer, AnswerBody, NoAnswer};
use super::body::{RequestBody, RequestBodyError};
use super::deadline::{Progress, within};
use super::exchange::{Exchange, Outgoing, Sending};
use super::forward::Proxy;
use super::problem::Problem;
use crate::ingress::Informing;
use crate::upstream::{self, ConnectError, Failed, IfLost, Upstream, UpstreamError};

impl Proxy {
    /// Sends the request and waits for the head of the response; those before it are passed on. `head` is afterwards as it
    /// was before.
    pub(super) async fn ask_upstream(
        &self,
        exchange: &Exchange<'_>,
        upstream: &Upstream,
        head: &mut RequestHead,
        sending: Sending,
        informing: Option<&Informing>,
    ) -> Result<Answer, NoAnswer> {
        let Sending { body, arrivals: before } = sending;
        let kept = matches!(body, Outgoing::Kept);
        let body = match body {
            Outgoing::Body(body) => Some(body),
            Outgoing::Nothing | Outgoing::Kept => None,
        };
        let progress = body.as_deref().map(RequestBody::progress);
        let idempotent = head.method.is_idempotent();
        let informed = |status, mut headers| {
            http1::remove_hop_by_hop(&mut headers);
            if let Some(informing) = informing {
                informing.send(status, headers);
            }
        };
        let lost = if before == 0 { IfLost::SendAgain } else { IfLost::GiveUp };
        let asked = pin!(upstream.request(head, body, lost, informed));
        let Some(answer) = within(self.timeouts.response, progress.as_ref(), asked).await else {
            return Err(NoAnswer { problem: Problem::gateway_timeout(), again: None, fault: true });
        };
        let exceeded = progress.as_ref().and_then(Progress::exceeded);
        let Failed { error, body, untouched, arrivals } = match answer {
            Ok(upstream::Answer::Response(head, body)) => return Ok(Answer::new(head, AnswerBody::Upstream(body))),
            Ok(upstream::Answer::Upgraded(head, io)) => return Ok(Answer::new(head, AnswerBody::Upgraded(io))),
            Err(failed) => failed,
        };
        tracing::debug!(request_id = %exchange.client.request_id, to = %upstream.address(), %error, "no response came from a backend");
        if let Some(limit) = exceeded {
            return Err(NoAnswer { problem: Problem::body_over(limit), again: None, fault: false });
        }
        // Nothing was received, and what may have been done may be done again (RFC 9110 section 9.2.2).
        let may_repeat = !error.may_have_arrived() || idempotent && matches!(error, UpstreamError::Silent);
        let again = match body {
            _ if !may_repeat => None,
            None if kept => Some(Outgoing::Kept),
            None => Some(Outgoing::Nothing),
            Some(body) if untouched => Some(Outgoing::Body(body)),
            Some(body) => body.again().map(Outgoing::Body),
        };
        let again = again.map(|body| Sending { body, arrivals: before + arrivals });
        Err(NoAnswer { problem: problem_of(&error), again, fault: error.is_the_backends_fault() })
    }
}

fn problem_of(error: &UpstreamError<RequestBodyError>) -> Problem {
    match error {
        UpstreamError::Timeout(_) => Problem::gateway_timeout(),
        UpstreamError::Busy(_) | UpstreamError::Refused => Problem::busy(),
        UpstreamError::Connect(ConnectError::Policy(_)) => Problem::address_refused(),
        UpstreamError::Connect(_)
        | UpstreamError::Silent
        | UpstreamError::Broken(_)
        | UpstreamError::Invalid(_)
        | UpstreamError::Request(_)
        | UpstreamError::Length
        | UpstreamError::Body(_) => Problem::bad_gateway(),
    }
}
