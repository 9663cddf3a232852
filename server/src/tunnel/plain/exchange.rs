//! One request of a telephone that speaks version 1.0, and its answer.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::RequestId;
use http::{HeaderMap, Method, header};
use telephone::line::{RecvBody, SendResponse, StreamError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use wire::frame::ResetCode;
use wire::head::{RequestHead, ResponseHead};
use wire::plain::{BadResponse, Http, HttpError, HttpRequest, HttpResponse, MAX_BODY, MAX_REQUESTS};

use super::budget::{Budget, Held};
use crate::ingress::ResponseBody;
use crate::proxy::Problem;

/// From which length on a message is encoded or decoded where it delays nobody, in bytes.
pub(super) const LARGE: usize = 256 * 1024;
/// How many commands there can be: a request has at most three, and no more are begun before the driver has taken them.
const COMMANDS: usize = 4 * MAX_REQUESTS as usize;
/// How much is read of a request that is too long after it was answered, so that a client that does not listen while it
/// sends comes to the answer.
const READ_ON: usize = 64 * 1024 * 1024;

/// What an exchange wants of the driver.
#[derive(Debug)]
pub(super) enum Command {
    /// The request is to be sent, and the answer to be handed back.
    Ask(Question),
    /// Nobody waits for the answer any more.
    Forget(u64),
    /// The request that was taken is not going to be sent.
    NotSent,
    /// The telephone is told what is wrong with an answer of its.
    Complain(String),
}

/// A request on its way to the telephone.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) id: u64,
    pub(super) message: String,
    _held: Held,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Question {
    /// The message, which is written now, and where the answer goes.
    pub(super) fn asked(mut self) -> (String, Option<oneshot::Sender<Answer>>) {
        (std::mem::take(&mut self.message), self.answer.take())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            // Whoever has gone meanwhile need not know.
            answer.send(Answer::NotAsked).ok();
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) enum Answer {
    /// A response.
    Response(HttpResponse, Held),
    /// The telephone has none.
    Error(HttpError),
    /// A message too long to be kept.
    TooLong,
    /// There was no room for it.
    NoRoom,
    /// The session ended before the request was sent.
    NotAsked,
}

/// What all exchanges of one line share with its driver.
#[derive(Clone, Debug)]
pub(super) struct Office {
    commands: mpsc::Sender<Command>,
    last_id: Arc<AtomicU64>,
    pub(super) budget: Arc<Budget>,
}

impl Office {
    /// An office and its commands.
    pub(super) fn open(budget: Arc<Budget>) -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        (Self { commands, last_id: Arc::default(), budget }, receiver)
    }

    /// Whether a request with this id was ever made.
    pub(super) fn knows(&self, id: u64) -> bool {
        (1..=self.last_id.load(Ordering::Relaxed)).contains(&id)
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tell(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            tracing::error!("more commands than there can be");
        }
        // Without a driver the session has ended, and there is nobody to tell.
    }
}

/// A request that was taken; when it is dropped unsent, the driver is told.
struct Turn<'a>(&'a Office);

impl Turn<'_> {
    fn send(self, command: Command) {
        self.0.tell(command);
        std::mem::forget(self);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.tell(Command::NotSent);
    }
}

/// A whole response.
type Response = (ResponseHead, Bytes);

/// Why there is no request to send.
enum Unsent {
    /// The client is told.
    Problem(Problem),
    /// The client has gone.
    Gone(StreamError),
}

/// Carries one request to the telephone and its answer back.
pub(super) async fn serve(head: RequestHead, mut respond: SendResponse, mut body: RecvBody, office: Office) {
    let asked = Asked::of(&head);
    let turn = Turn(&office);
    let gathered = match gather(&head, &mut body, &office.budget).await {
        Ok((bytes, held)) => encode(office.next_id(), head, bytes, held).await,
        Err(unsent) => Err(unsent),
    };
    let (id, message, held) = match gathered {
        Ok(question) => question,
        Err(Unsent::Problem(problem)) => {
            drop(turn);
            reply(respond, asked.refused(&problem)).await;
            return read_on(body).await;
        }
        Err(Unsent::Gone(error)) => return tracing::debug!(%error, "the request did not come whole"),
    };
    let (sender, answer) = oneshot::channel();
    turn.send(Command::Ask(Question { id, message, _held: held, answer: Some(sender) }));
    let answer = tokio::select! {
        answer = answer => answer,
        _ = respond.reset_received() => return office.tell(Command::Forget(id)),
    };
    match answer {
        // The session ended, and nobody knows what became of the request.
        Err(_) => respond.reset(ResetCode::LOST),
        Ok(Answer::NotAsked) => respond.reset(ResetCode::REFUSED),
        Ok(answer) => {
            let (response, _held) = response_of(answer, id, &asked, &office).await;
            reply(respond, response).await;
        }
    }
}

/// What the client gets, and what accounts for it until the client has taken it.
async fn response_of(answer: Answer, id: u64, asked: &Asked, office: &Office) -> (Response, Option<Held>) {
    let complain = |reason: &dyn Display| {
        office.tell(Command::Complain(format!("the answer to request {id} was not passed on: {reason}")));
    };
    match answer {
        Answer::Response(response, held) => match decode(response, asked.method.clone()).await {
            Ok(response) => (response, Some(held)),
            Err(error) => {
                complain(&error);
                (asked.refused(&problem_of(&error)), None)
            }
        },
        Answer::Error(HttpError { error, message, .. }) => {
            (asked.refused(&Problem::of_telephone(&error, &message)), None)
        }
        Answer::TooLong => {
            complain(&"it is too long");
            (asked.refused(&Problem::response_too_large()), None)
        }
        Answer::NoRoom | Answer::NotAsked => (asked.refused(&Problem::busy()), None),
    }
}

/// Reads the whole body.
async fn gather(head: &RequestHead, body: &mut RecvBody, budget: &Arc<Budget>) -> Result<(Vec<u8>, Held), Unsent> {
    if let Some(problem) = problem_with(head) {
        return Err(Unsent::Problem(problem));
    }
    let no_room = || Unsent::Problem(Problem::busy());
    let mut held = budget.hold(0).ok_or_else(no_room)?;
    let mut bytes = Vec::new();
    // An offer to switch to another protocol need not be taken up, and a request with one has no body here.
    if head.upgrade.is_some() {
        return Ok((bytes, held));
    }
    while let Some(frame) = body.frame().await {
        // Trailers have no place in version 1.0.
        let Ok(data) = frame.map_err(Unsent::Gone)?.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY {
            return Err(Unsent::Problem(Problem::body_too_large()));
        }
        if !held.resize(bytes.len() + data.len()) {
            return Err(no_room());
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

/// What shows at once that a request cannot be passed on.
fn problem_with(head: &RequestHead) -> Option<Problem> {
    // Who asks for a WebSocket has no use for anything else; any other upgrade is an offer (RFC 9110 section 7.8).
    let websocket =
        head.upgrade.as_ref().is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if websocket || head.method == Method::CONNECT {
        return Some(Problem::no_upgrades());
    }
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > MAX_BODY as u64).then(Problem::body_too_large)
}

async fn encode(id: u64, head: RequestHead, body: Vec<u8>, mut held: Held) -> Result<(u64, String, Held), Unsent> {
    let large = body.len() > LARGE;
    let encode = move || Http::HttpRequest(HttpRequest::new(id.to_string(), &head, &body)).encode();
    let encoded = if large { spawn_blocking(encode).await } else { Ok(encode()) };
    let message = match encoded {
        Ok(Ok(message)) => message,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a request does not fit into a message");
            return Err(Unsent::Problem(Problem::head_too_large()));
        }
        Err(_) => return Err(Unsent::Problem(Problem::bad_gateway())),
    };
    if !held.resize(message.len()) {
        return Err(Unsent::Problem(Problem::busy()));
    }
    Ok((id, message, held))
}

async fn decode(response: HttpResponse, method: Method) -> Result<Response, BadResponse> {
    if response.body.encoded_len() <= LARGE {
        return response.into_parts(&method);
    }
    let status = response.status;
    // It is lost only when the process ends.
    spawn_blocking(move || response.into_parts(&method)).await.unwrap_or(Err(BadResponse::Status(status)))
}

fn problem_of(error: &BadResponse) -> Problem {
    match error {
        BadResponse::TooLong(_) => Problem::response_too_large(),
        other => Problem::bad_response(other),
    }
}

/// What of a request decides on the form of its answer.
struct Asked {
    method: Method,
    headers: HeaderMap,
    id: RequestId,
}

impl Asked {
    fn of(head: &RequestHead) -> Self {
        let accept = head.headers.get_all(header::ACCEPT).iter().map(|value| (header::ACCEPT, value.clone()));
        let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
        Self { method: head.method.clone(), headers: accept.collect(), id: id.unwrap_or(RequestId(uuid::Uuid::nil())) }
    }

    fn refused(&self, problem: &Problem) -> Response {
        let (parts, body) = problem.response(&self.headers, self.id).into_parts();
        let mut body = match body {
            ResponseBody::Whole(text) => text.unwrap_or_default(),
            ResponseBody::Proxied(_) | ResponseBody::Control(_) => Bytes::new(),
        };
        let mut head = ResponseHead { status: parts.status, headers: parts.headers };
        head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        if self.method == Method::HEAD {
            body.clear();
        }
        (head, body)
    }
}

async fn reply(respond: SendResponse, (head, body): Response) {
    let sent = async {
        let mut send = respond.send(&head, body.is_empty())?;
        if !body.is_empty() {
            send.send(body).await?;
            send.finish()?;
        }
        Ok::<_, StreamError>(())
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, "the client did not take the whole response");
    }
}

async fn read_on(mut body: RecvBody) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > READ_ON {
            return;
        }
    }
}
