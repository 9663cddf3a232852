//! One request and its response over HTTP/1.1.

use std::time::Instant;

use http::{Method, StatusCode};
use http_body::Body as _;
use http1::Response;
use http1::client::{ExchangeError, ResponseBodyError};
use wire::head::{RequestHead, ResponseHead};

use super::connection::Connection;
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
}

impl Done {
    pub(super) fn new(status: StatusCode, bytes: u64, outcome: Outcome) -> Self {
        Self { status: Some(status.as_u16()), bytes, outcome, at: Instant::now() }
    }

    pub(super) fn failed(status: Option<StatusCode>) -> Self {
        let status = status.map(|status| status.as_u16());
        Self { status, bytes: 0, outcome: Outcome::Failed, at: Instant::now() }
    }

    pub(super) fn of_stream_error(status: Option<StatusCode>, bytes: u64, error: &StreamError) -> Self {
        let outcome = match error {
            StreamError::Reset(_) | StreamError::Stopped(_) | StreamError::Line(_) => Outcome::Cancelled,
            StreamError::Closed | StreamError::State | StreamError::Head(_) => Outcome::Failed,
        };
        Self { status: status.map(|status| status.as_u16()), bytes, outcome, at: Instant::now() }
    }
}

/// One request to the local server and its response.
pub(super) type Exchange = http1::client::Exchange<Socket, RecvBody>;
type Error = ExchangeError<StreamError>;

/// What came of asking the local server.
enum Answer {
    Response(Response, Exchange),
    Upgraded(Response, Exchange, RecvBody),
    Problem(Problem),
    Cancelled(StreamError),
}

/// Forwards the request and passes the answer on.
pub(super) async fn run(
    forwarder: &Forwarder,
    mut head: RequestHead,
    mut respond: SendResponse,
    body: RecvBody,
) -> Done {
    headers::prepare(&mut head, forwarder.host.as_ref(), &forwarder.target);
    let answer = if head.method == Method::CONNECT {
        Answer::Problem(Problem::Unsupported)
    } else if head.upgrade.is_some() {
        ask_for_upgrade(forwarder, &mut head, &mut respond, body).await
    } else {
        ask(forwarder, &mut head, &mut respond, body).await
    };
    match answer {
        Answer::Response(response, exchange) => pass_on(forwarder, &head, response, exchange, respond).await,
        Answer::Upgraded(response, exchange, body) => upgrade::run(response, exchange, respond, body).await,
        Answer::Problem(problem) => explain(forwarder, &head, &problem, respond).await,
        Answer::Cancelled(error) => Done::of_stream_error(None, 0, &error),
    }
}

async fn ask(forwarder: &Forwarder, head: &mut RequestHead, respond: &mut SendResponse, body: RecvBody) -> Answer {
    let repeatable = body.is_end_stream() && head.method.is_idempotent();
    let Some(connection) = forwarder.pool.take() else { return ask_afresh(forwarder, head, respond, body).await };
    // The local server may close an idle connection just as it is used again. A fresh one has another try, once, when
    // nothing came back, there was no body to lose, and asking twice is as good as asking once (RFC 9110 §9.2.2).
    match send(head, respond, connection, body).await {
        Err(ExchangeError::Silent) if repeatable => ask_afresh(forwarder, head, respond, RecvBody::empty()).await,
        answer => answer.unwrap_or_else(failed),
    }
}

async fn ask_afresh(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: &mut SendResponse,
    body: RecvBody,
) -> Answer {
    let connection = tokio::select! {
        connection = forwarder.connect() => connection,
        error = respond.reset_received() => return Answer::Cancelled(error),
    };
    match connection {
        Err(error) => Answer::Problem(Problem::Unreachable(error.to_string())),
        Ok(connection) => send(head, respond, connection, body).await.unwrap_or_else(failed),
    }
}

/// An upgrade has a connection of its own, and the request's body, if any, is the start of the byte stream: the local
/// server sees it only after it has agreed (RFC 9110 §7.8).
async fn ask_for_upgrade(
    forwarder: &Forwarder,
    head: &mut RequestHead,
    respond: &mut SendResponse,
    body: RecvBody,
) -> Answer {
    match ask_afresh(forwarder, head, respond, RecvBody::empty()).await {
        Answer::Response(response, exchange) if response.status == StatusCode::SWITCHING_PROTOCOLS => {
            Answer::Upgraded(response, exchange, body)
        }
        other => other,
    }
}

/// Sends the request and waits for the head of the response; those before it are passed on.
async fn send(
    head: &mut RequestHead,
    respond: &mut SendResponse,
    connection: Connection,
    body: RecvBody,
) -> Result<Answer, Error> {
    let target = head.target.as_str();
    let mut exchange = Exchange::new(connection, head.method.clone(), target, &mut head.headers, body);
    loop {
        let response = tokio::select! {
            biased;
            response = exchange.response() => response,
            error = respond.reset_received() => Err(ExchangeError::Body(error)),
        };
        let response = match response {
            // A body that broke on its way here is no fault of the local server's, and nobody is left to be told.
            Err(ExchangeError::Body(error)) => {
                abort(exchange);
                return Ok(Answer::Cancelled(error));
            }
            response => response?,
        };
        if !response.is_informational() {
            return Ok(Answer::Response(response, exchange));
        }
        // "Continue" was between the switchboard and its client.
        if response.status != StatusCode::CONTINUE {
            let mut head = ResponseHead { status: response.status, headers: response.headers };
            headers::strip_hop_by_hop(&mut head.headers);
            if let Err(error) = respond.informational(&head) {
                return Ok(Answer::Cancelled(error));
            }
        }
    }
}

/// Ends a request that nobody waits for any more, whatever the local server is doing.
fn abort(exchange: Exchange) {
    let (socket, _) = exchange.into_upgraded().into_parts();
    socket.abort();
}

fn failed(error: Error) -> Answer {
    match error {
        ExchangeError::Body(error) => Answer::Cancelled(error),
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
    response: Response,
    mut exchange: Exchange,
    respond: SendResponse,
) -> Done {
    let status = response.status;
    let mut head = ResponseHead { status, headers: response.headers };
    headers::strip_hop_by_hop(&mut head.headers);
    if let Err(problem) = check(&head) {
        return explain(forwarder, request, &problem, respond).await;
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
                forwarder.pool.put(connection);
            }
            done
        }
        Err(CopyError::Stream(error) | CopyError::Body(ResponseBodyError::Request(ExchangeError::Body(error)))) => {
            abort(exchange);
            Done::of_stream_error(Some(status), 0, &error)
        }
        Err(CopyError::Body(error)) => {
            tracing::debug!(target = %forwarder.target, %error, "the local server broke off its response");
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
    match sent.await {
        Ok(()) => Done::new(status, bytes, Outcome::Failed),
        Err(error) => Done::of_stream_error(Some(status), 0, &error),
    }
}
