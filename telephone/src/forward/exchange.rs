//! One request and its response.

use std::time::Instant;

use http::{Method, StatusCode};
use http_body::Body as _;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};
use wire::received;

use super::connection::Way;
use super::local::{BodyError, Exchange, NoResponse};
use super::page::Problem;
use super::{Forwarder, Outcome, copy, headers, upgrade};
use crate::line::{CopyError, RecvBody, SendResponse, StreamError};
use crate::net::Socket;

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct Done {
    pub status: Option<u16>,
    pub bytes: u64,
    pub outcome: Outcome,
    /// When the last byte was given to the line.
    pub at: Instant,
    /// What is wrong with the local server.
    pub problem: Option<String>,
}

impl Done {
    pub(super) fn new(status: StatusCode, bytes: u64, outcome: Outcome) -> Self {
        Self { status: Some(status.as_u16()), bytes, outcome, at: Instant::now(), problem: None }
    }

    pub(super) fn failed(status: Option<StatusCode>) -> Self {
        let status = status.map(|status| status.as_u16());
        Self { status, bytes: 0, outcome: Outcome::Failed, at: Instant::now(), problem: None }
    }

    pub(super) fn of_stream_error(status: Option<StatusCode>, bytes: u64, error: &StreamError) -> Self {
        let outcome = match error {
            StreamError::Reset(_) | StreamError::Stopped(_) | StreamError::Line(_) => Outcome::Cancelled,
            StreamError::Closed | StreamError::State | StreamError::Head(_) => Outcome::Failed,
        };
        Self { status: status.map(|status| status.as_u16()), bytes, outcome, at: Instant::now(), problem: None }
    }
}

/// What came of asking the local server.
enum Answer {
    Response(ResponseHead, Exchange),
    Upgraded(ResponseHead, http1::Upgraded<Socket>, RecvBody),
    Problem(Problem),
    /// The local server has turned the request away without looking at it.
    Refused,
    Cancelled(StreamError),
}

/// Forwards the request and passes the answer on.
pub(super) async fn run(
    forwarder: &Forwarder,
    mut head: RequestHead,
    mut respond: SendResponse,
    body: RecvBody,
) -> Done {
    let tells = headers::prepare(&mut head, forwarder.host.as_ref(), &forwarder.authority);
    let answer = if head.method == Method::CONNECT {
        Answer::Problem(Problem::Unsupported)
    } else if head.upgrade.is_some() {
        Box::pin(ask_for_upgrade(forwarder, &mut head, &mut respond, body, tells)).await
    } else {
        ask(forwarder, &mut head, &mut respond, body, tells).await
    };
    match answer {
        Answer::Response(response, exchange) => pass_on(forwarder, &head, response, exchange, respond).await,
        Answer::Upgraded(response, upgraded, body) => Box::pin(upgrade::run(response, upgraded, respond, body)).await,
        Answer::Problem(problem) => Box::pin(explain(forwarder, &head, &problem, respond)).await,
        Answer::Refused => {
            // The switchboard may give it to another telephone, or to this one again, if it has all of it.
            respond.reset(ResetCode::REFUSED);
            Done::failed(None)
        }
        Answer::Cancelled(error) => Done::of_stream_error(None, 0, &error),
    }
}

/// How often a request is given to the local server at most.
const MAX_TURNS: usize = 3;

/// `tells`: the head of the response is told as it is received.
async fn ask(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: &mut SendResponse,
    mut body: RecvBody,
    tells: bool,
) -> Answer {
    let (bodiless, idempotent) = (body.is_end_stream(), head.method.is_idempotent());
    let mut way = forwarder.open_already(Instant::now());
    let (mut turns, mut lost) = (0, false);
    loop {
        let fresh = way.is_none();
        let way = match way.take() {
            Some(way) => way,
            None => match Box::pin(open(forwarder, head, respond)).await {
                Ok(way) => way,
                Err(answer) => return answer,
            },
        };
        let alone = fresh && matches!(way, Way::Http1(_));
        let sent = send(forwarder, head, respond, way, body, tells).await;
        turns += 1;
        // The local server may close a connection just as it is used again, or while it carries other requests. Another
        // one has another try, when there was no body to lose, and nothing came back, once, and asking twice is as good
        // as asking once (RFC 9110 §9.2.2), or the request was not looked at.
        let again = match &sent {
            Err(NoResponse::Silent) => idempotent && !alone && !std::mem::replace(&mut lost, true),
            Err(NoResponse::Refused) => true,
            _ => false,
        };
        if !again || !bodiless || turns == MAX_TURNS {
            return sent.unwrap_or_else(failed);
        }
        body = RecvBody::empty();
    }
}

async fn open(forwarder: &Forwarder, head: &RequestHead, respond: &mut SendResponse) -> Result<Way, Answer> {
    tokio::select! {
        way = forwarder.open(head.upgrade.is_some()) => way.map_err(Answer::Problem),
        error = respond.reset_received() => Err(Answer::Cancelled(error)),
    }
}

/// An upgrade has a connection of its own, and the request's body, if any, is the start of the byte stream: the local
/// server sees it only after it has agreed (RFC 9110 §7.8). One that speaks only HTTP/2 cannot agree.
async fn ask_for_upgrade(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: &mut SendResponse,
    body: RecvBody,
    tells: bool,
) -> Answer {
    if forwarder.speaks_http2_only() {
        head.upgrade = None;
        return ask(forwarder, head, respond, RecvBody::empty(), tells).await;
    }
    let answer = match Box::pin(open(forwarder, head, respond)).await {
        Ok(way) => send(forwarder, head, respond, way, RecvBody::empty(), tells).await.unwrap_or_else(failed),
        Err(answer) => answer,
    };
    match answer {
        Answer::Response(response, exchange) if response.status == StatusCode::SWITCHING_PROTOCOLS => {
            match exchange.into_upgraded() {
                Some(upgraded) => Answer::Upgraded(response, upgraded, body),
                None => Answer::Problem(Problem::Broken("it switched protocols over HTTP/2".to_owned())),
            }
        }
        other => other,
    }
}

/// Sends the request and waits for the head of the response; those before it are passed on.
async fn send(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: &mut SendResponse,
    way: Way,
    body: RecvBody,
    tells: bool,
) -> Result<Answer, NoResponse> {
    let mut exchange = Exchange::new(way, head, body, forwarder.tls.is_some(), &forwarder.authority)?;
    loop {
        let response = tokio::select! {
            biased;
            response = exchange.response() => response,
            error = respond.reset_received() => Err(NoResponse::Request(error)),
        };
        let (mut response, raw) = match response {
            // A body that broke on its way here is no fault of the local server's, and nobody is left to be told.
            Err(NoResponse::Request(error)) => {
                exchange.abort();
                return Ok(Answer::Cancelled(error));
            }
            response => response?,
        };
        if !response.is_informational() {
            if tells {
                received::tell(&mut response, &raw);
            }
            return Ok(Answer::Response(response, exchange));
        }
        // "Continue" was between the switchboard and its client.
        if response.status != StatusCode::CONTINUE {
            http1::remove_hop_by_hop(&mut response.headers);
            if let Err(error) = respond.informational(&response) {
                return Ok(Answer::Cancelled(error));
            }
        }
    }
}

fn failed(error: NoResponse) -> Answer {
    match error {
        NoResponse::Request(error) => Answer::Cancelled(error),
        NoResponse::Refused => Answer::Refused,
        other => Answer::Problem(Problem::Broken(other.to_string())),
    }
}

/// Whether a response can be passed on.
fn check(head: &ResponseHead) -> Result<(), Problem> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Problem::Broken("it switched protocols without being asked to".to_owned()));
    }
    head.check().map_err(|error| Problem::Broken(error.to_string()))
}

async fn pass_on(
    forwarder: &Forwarder,
    request: &RequestHead,
    mut head: ResponseHead,
    mut exchange: Exchange,
    respond: SendResponse,
) -> Done {
    let status = head.status;
    http1::remove_hop_by_hop(&mut head.headers);
    if let Err(problem) = check(&head) {
        return Box::pin(explain(forwarder, request, &problem, respond)).await;
    }
    let send = match respond.send(&head, exchange.is_end_stream()) {
        Ok(send) => send,
        Err(error) => return Done::of_stream_error(Some(status), 0, &error),
    };
    let copied = if send.is_ended() { Ok(0) } else { copy::run(&mut exchange, send).await };
    match copied {
        Ok(bytes) => {
            let done = Done::new(status, bytes, Outcome::Complete);
            if let Some(connection) = exchange.finish() {
                forwarder.pool.put(connection, done.at);
            }
            done
        }
        Err(CopyError::Stream(error) | CopyError::Body(BodyError::Request(error))) => {
            exchange.abort();
            Done::of_stream_error(Some(status), 0, &error)
        }
        Err(CopyError::Body(BodyError::Response(reason))) => {
            tracing::debug!(target = %forwarder.target, %reason, "the local server broke off its response");
            Done::failed(Some(status))
        }
    }
}

async fn explain(forwarder: &Forwarder, request: &RequestHead, problem: &Problem, respond: SendResponse) -> Done {
    let (head, body) = problem.page(request, &forwarder.target);
    let (status, bytes) = (head.status, body.len() as u64);
    let sent = async {
        let mut send = respond.send(&head, body.is_empty())?;
        if !send.is_ended() {
            send.send(body).await?;
            send.finish()?;
        }
        Ok(())
    };
    let done = match sent.await {
        Ok(()) => Done::new(status, bytes, Outcome::Failed),
        Err(error) => Done::of_stream_error(Some(status), 0, &error),
    };
    Done { problem: Some(problem.text(&forwarder.target)), ..done }
}
