//! One request and its response.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Body as _;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};
use wire::received;

use super::connection::Way;
use super::done::Done;
use super::local::{BodyError, Exchange, NoResponse};
use super::page::Problem;
use super::{Forwarder, Outcome, copy, headers, upgrade};
use crate::line::{CopyError, RecvBody, SendResponse, StreamError};

/// Why there is no connection to ask the local server over.
pub(super) enum Unopened {
    Problem(Problem),
    /// Whoever asked has gone meanwhile.
    Cancelled(StreamError),
}

/// Forwards the request and passes the answer on. `now` is when it came.
pub(super) async fn run(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: SendResponse,
    body: RecvBody,
    now: Instant,
) -> Done {
    let tells = headers::prepare(head, forwarder.host.as_ref(), &forwarder.authority);
    if head.method == Method::CONNECT {
        Box::pin(explain(forwarder, head, &Problem::Unsupported, respond)).await
    } else if head.upgrade.is_some() {
        Box::pin(upgrade::ask(forwarder, head, respond, body, tells)).await
    } else {
        let way = forwarder.open_already(now);
        ask(forwarder, head, respond, body, way, tells).await
    }
}

/// How often a request is given to the local server at most.
const MAX_TURNS: usize = 3;

/// Asks over `way`, or a connection opened for it. `tells`: the head of the response is told as it is received.
pub(super) async fn ask(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    mut respond: SendResponse,
    mut body: RecvBody,
    mut way: Option<Way>,
    tells: bool,
) -> Done {
    let (bodiless, idempotent) = (body.is_end_stream(), head.method.is_idempotent());
    let (mut turns, mut lost) = (0, false);
    loop {
        let fresh = way.is_none();
        let way = match way.take() {
            Some(way) => way,
            None => match Box::pin(open(forwarder, head, &mut respond)).await {
                Ok(way) => way,
                Err(unopened) => return Box::pin(not_opened(forwarder, head, unopened, respond)).await,
            },
        };
        let alone = fresh && matches!(way, Way::Http1(_));
        let error = match ask_once(forwarder, head, respond, body, way, tells).await {
            Ok(done) => return done,
            Err((error, back)) => {
                respond = back;
                error
            }
        };
        turns += 1;
        // The local server may close a connection just as it is used again, or while it carries other requests. Another
        // one has another try, when there was no body to lose, and nothing came back, once, and asking twice is as good
        // as asking once (RFC 9110 §9.2.2), or the request was not looked at.
        let again = match &error {
            NoResponse::Silent => idempotent && !alone && !std::mem::replace(&mut lost, true),
            NoResponse::Refused => true,
            _ => false,
        };
        if !again || !bodiless || turns == MAX_TURNS {
            return Box::pin(not_answered(forwarder, head, error, respond)).await;
        }
        body = RecvBody::empty();
    }
}

pub(super) async fn open(
    forwarder: &Forwarder,
    head: &RequestHead,
    respond: &mut SendResponse,
) -> Result<Way, Unopened> {
    tokio::select! {
        way = forwarder.open(head.upgrade.is_some()) => way.map_err(Unopened::Problem),
        error = respond.reset_received() => Err(Unopened::Cancelled(error)),
    }
}

/// Sends the request and passes the response on. When there is none, whoever asked still waits for one. All that is under
/// way stays where it is: to move it costs more than most of what is done with it.
async fn ask_once(
    forwarder: &Forwarder,
    request: &mut RequestHead,
    mut respond: SendResponse,
    body: RecvBody,
    way: Way,
    tells: bool,
) -> Result<Done, (NoResponse, SendResponse)> {
    let mut exchange = match Exchange::new(way, request, body, forwarder.tls.is_some(), &forwarder.authority) {
        Ok(exchange) => exchange,
        Err(error) => return Err((error, respond)),
    };
    let response = match answer(&mut exchange, &mut respond, tells).await {
        Ok(response) => response,
        // A body that broke on its way here is no fault of the local server's, and nobody is left to be told.
        Err(NoResponse::Request(error)) => {
            exchange.abort();
            return Ok(Done::of_stream_error(None, 0, &error));
        }
        Err(error) => return Err((error, respond)),
    };
    let status = response.status;
    let passed = pass_on(forwarder, request, response, &mut exchange, respond).await;
    Ok(ended(forwarder, status, passed, exchange))
}

/// Waits for the head of the response; those before it are passed on. `tells`: it is told as it is received.
pub(super) async fn answer(
    exchange: &mut Exchange,
    respond: &mut SendResponse,
    tells: bool,
) -> Result<ResponseHead, NoResponse> {
    loop {
        let (mut response, raw) = next_head(exchange, respond).await?;
        if !response.is_informational() {
            if tells {
                received::tell(&mut response, &raw);
            }
            return Ok(response);
        }
        // "Continue" was between the switchboard and its client.
        if response.status != StatusCode::CONTINUE {
            http1::remove_hop_by_hop(&mut response.headers);
            respond.informational(&response).map_err(NoResponse::Request)?;
        }
    }
}

/// The next head, unless nobody wants it any more.
async fn next_head(exchange: &mut Exchange, respond: &mut SendResponse) -> Result<(ResponseHead, Bytes), NoResponse> {
    let mut reset = pin!(respond.reset_received());
    poll_fn(|cx| match exchange.poll_response(cx) {
        Poll::Ready(response) => Poll::Ready(response),
        Poll::Pending => reset.as_mut().poll(cx).map(|error| Err(NoResponse::Request(error))),
    })
    .await
}

pub(super) async fn not_opened(
    forwarder: &Forwarder,
    request: &RequestHead,
    why: Unopened,
    respond: SendResponse,
) -> Done {
    match why {
        Unopened::Problem(problem) => explain(forwarder, request, &problem, respond).await,
        Unopened::Cancelled(error) => Done::of_stream_error(None, 0, &error),
    }
}

pub(super) async fn not_answered(
    forwarder: &Forwarder,
    request: &RequestHead,
    why: NoResponse,
    respond: SendResponse,
) -> Done {
    match why {
        NoResponse::Request(error) => Done::of_stream_error(None, 0, &error),
        NoResponse::Refused => {
            // The switchboard may give it to another telephone, or to this one again, if it has all of it.
            respond.reset(ResetCode::REFUSED);
            Done::failed(None)
        }
        other => explain(forwarder, request, &Problem::Broken(other.to_string()), respond).await,
    }
}

/// Whether a response can be passed on.
fn check(head: &ResponseHead) -> Result<(), Problem> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Problem::Broken("it switched protocols without being asked to".to_owned()));
    }
    head.check().map_err(|error| Problem::Broken(error.to_string()))
}

/// Why a response was not passed on to its end.
pub(super) enum NotPassed {
    /// It was never begun; something else was told in its place, if anything.
    Never(Done),
    Broken(CopyError<BodyError>),
}

/// Passes a response on and says how many bytes its body had.
pub(super) async fn pass_on(
    forwarder: &Forwarder,
    request: &RequestHead,
    mut head: ResponseHead,
    exchange: &mut Exchange,
    respond: SendResponse,
) -> Result<u64, NotPassed> {
    http1::remove_hop_by_hop(&mut head.headers);
    if let Err(problem) = check(&head) {
        return Err(NotPassed::Never(Box::pin(explain(forwarder, request, &problem, respond)).await));
    }
    let send = match respond.send(&head, exchange.is_end_stream()) {
        Ok(send) => send,
        Err(error) => return Err(NotPassed::Never(Done::of_stream_error(Some(head.status), 0, &error))),
    };
    if send.is_ended() { Ok(0) } else { copy::run(exchange, send).await.map_err(NotPassed::Broken) }
}

/// Lets go of what carried the response as its end asks for.
pub(super) fn ended(
    forwarder: &Forwarder,
    status: StatusCode,
    passed: Result<u64, NotPassed>,
    exchange: Exchange,
) -> Done {
    match passed {
        Ok(bytes) => {
            let done = Done::new(status, bytes, Outcome::Complete);
            if let Some(connection) = exchange.finish() {
                forwarder.pool.put(connection, done.at);
            }
            done
        }
        Err(NotPassed::Never(done)) => done,
        Err(NotPassed::Broken(CopyError::Stream(error) | CopyError::Body(BodyError::Request(error)))) => {
            exchange.abort();
            Done::of_stream_error(Some(status), 0, &error)
        }
        Err(NotPassed::Broken(CopyError::Body(BodyError::Response(reason)))) => {
            tracing::debug!(target = %forwarder.target, %reason, "the local server broke off its response");
            Done::failed(Some(status))
        }
    }
}

pub(super) async fn explain(
    forwarder: &Forwarder,
    request: &RequestHead,
    problem: &Problem,
    respond: SendResponse,
) -> Done {
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
