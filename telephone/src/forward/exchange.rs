//! One request and its response over HTTP/1.1.

use std::error::Error as _;
use std::time::Instant;

use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use wire::head::{RequestHead, ResponseHead};

use super::connection::Connection;
use super::page::Problem;
use super::{Forwarder, Outcome, headers, upgrade};
use crate::line::{CopyError, RecvBody, SendResponse, StreamError};

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

/// What came of asking the local server.
enum Answer {
    Response(Response<Incoming>, Connection),
    Upgraded(Response<Incoming>, Connection, RecvBody),
    Problem(Problem),
    Cancelled(StreamError),
}

/// Forwards the request and passes the answer on.
pub(super) async fn run(forwarder: &Forwarder, head: RequestHead, mut respond: SendResponse, body: RecvBody) -> Done {
    let answer = if head.method == Method::CONNECT {
        Answer::Problem(Problem::Unsupported)
    } else if head.upgrade.is_some() {
        ask_for_upgrade(forwarder, &head, &mut respond, body).await
    } else {
        ask(forwarder, &head, &mut respond, body).await
    };
    match answer {
        Answer::Response(response, connection) => pass_on(forwarder, &head, response, connection, respond).await,
        Answer::Upgraded(response, connection, body) => upgrade::run(response, connection, respond, body).await,
        Answer::Problem(problem) => explain(forwarder, &head, &problem, respond).await,
        Answer::Cancelled(error) => Done::of_stream_error(None, 0, &error),
    }
}

async fn ask(forwarder: &Forwarder, head: &RequestHead, respond: &mut SendResponse, body: RecvBody) -> Answer {
    let repeatable = body.is_end_stream() && head.method.is_idempotent();
    let Some(connection) = forwarder.pool.take() else { return ask_afresh(forwarder, head, respond, body).await };
    // The local server may close an idle connection just as it is used again. A fresh one has another try, once, when
    // the request was not sent at all, or when nothing came back, there was no body to lose, and asking twice is as good
    // as asking once (RFC 9110 §9.2.2).
    let body = match send(forwarder, head, respond, connection, body).await {
        Ok(answer) => return answer,
        Err(Failure { unsent: Some(body), .. }) => body,
        Err(Failure { silent: true, .. }) if repeatable => RecvBody::empty(),
        Err(failure) => return failure.answer,
    };
    ask_afresh(forwarder, head, respond, body).await
}

async fn ask_afresh(forwarder: &Forwarder, head: &RequestHead, respond: &mut SendResponse, body: RecvBody) -> Answer {
    let connection = tokio::select! {
        connection = forwarder.connect() => connection,
        error = respond.reset_received() => return Answer::Cancelled(error),
    };
    match connection {
        Err(error) => Answer::Problem(Problem::Unreachable(error.to_string())),
        Ok(connection) => match send(forwarder, head, respond, connection, body).await {
            Ok(answer) => answer,
            Err(failure) => failure.answer,
        },
    }
}

/// An upgrade has a connection of its own, and the request's body, if any, is the start of the byte stream: the local
/// server sees it only after it has agreed (RFC 9110 §7.8).
async fn ask_for_upgrade(
    forwarder: &Forwarder,
    head: &RequestHead,
    respond: &mut SendResponse,
    body: RecvBody,
) -> Answer {
    match ask_afresh(forwarder, head, respond, RecvBody::empty()).await {
        Answer::Response(response, connection) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Answer::Upgraded(response, connection, body)
        }
        other => other,
    }
}

/// A request that got no response.
struct Failure {
    answer: Answer,
    /// The body, when not even the head was sent.
    unsent: Option<RecvBody>,
    /// Nothing at all came back on the connection.
    silent: bool,
}

async fn send(
    forwarder: &Forwarder,
    head: &RequestHead,
    respond: &mut SendResponse,
    mut connection: Connection,
    body: RecvBody,
) -> Result<Answer, Failure> {
    let (informed, mut informational) = mpsc::channel(4);
    let request = request(forwarder, head, body, informed);
    let mut response = std::pin::pin!(connection.sender.try_send_request(request));
    loop {
        tokio::select! {
            biased;
            Some(head) = informational.recv() => {
                if let Err(error) = respond.informational(&head) {
                    return Ok(Answer::Cancelled(error));
                }
            }
            response = &mut response => {
                return match response {
                    Ok(response) => Ok(Answer::Response(response, connection)),
                    Err(mut error) => {
                        let unsent = error.take_message().map(Request::into_body);
                        Err(failed(error.error(), unsent))
                    }
                };
            }
            error = respond.reset_received() => return Ok(Answer::Cancelled(error)),
        }
    }
}

fn failed(error: &hyper::Error, unsent: Option<RecvBody>) -> Failure {
    let cause = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    // A body that broke on its way here is no fault of the local server's, and nobody is left to be told.
    let lost = error.source().and_then(|source| source.downcast_ref::<StreamError>()).cloned();
    let reset = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe));
    Failure {
        answer: lost.map_or_else(|| Answer::Problem(Problem::Broken(cause)), Answer::Cancelled),
        unsent,
        silent: error.is_canceled() || error.is_closed() || error.is_incomplete_message() || reset,
    }
}

fn request(
    forwarder: &Forwarder,
    head: &RequestHead,
    body: RecvBody,
    informed: mpsc::Sender<ResponseHead>,
) -> Request<RecvBody> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(head.target.clone());
    *request.headers_mut() = headers::for_local(head, forwarder.host.as_ref(), &forwarder.target);
    hyper::ext::on_informational(&mut request, move |response| {
        // "Continue" was between the switchboard and its client; an informational head more or less harms nobody.
        if response.status() != StatusCode::CONTINUE {
            let mut fields = response.headers().clone();
            headers::strip_hop_by_hop(&mut fields);
            let _full = informed.try_send(ResponseHead { status: response.status(), headers: fields });
        }
    });
    request
}

fn broken(cause: &str) -> Problem {
    Problem::Broken(cause.to_owned())
}

/// Whether a response can be passed on.
fn check(head: &ResponseHead) -> Result<(), Problem> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(broken("it switched protocols without being asked to"));
    }
    head.check().map_err(|error| Problem::Broken(error.to_string()))
}

async fn pass_on(
    forwarder: &Forwarder,
    request: &RequestHead,
    response: Response<Incoming>,
    connection: Connection,
    respond: SendResponse,
) -> Done {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let mut head = ResponseHead { status, headers: parts.headers };
    let framing = headers::check_framing(&head.headers);
    headers::strip_hop_by_hop(&mut head.headers);
    if let Err(problem) = framing.map_err(broken).and_then(|()| check(&head)) {
        return explain(forwarder, request, &problem, respond).await;
    }
    let send = match respond.send(&head, body.is_end_stream()) {
        Ok(send) => send,
        Err(error) => return Done::of_stream_error(Some(status), 0, &error),
    };
    if send.is_ended() {
        drop(body);
        let done = Done::new(status, 0, Outcome::Complete);
        forwarder.pool.put(connection).await;
        return done;
    }
    match send.send_all(body).await {
        Ok(bytes) => {
            let done = Done::new(status, bytes, Outcome::Complete);
            forwarder.pool.put(connection).await;
            done
        }
        Err(CopyError::Stream(error)) => Done::of_stream_error(Some(status), 0, &error),
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
