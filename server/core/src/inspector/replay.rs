//! Sending a recorded request again: what of it is at hand, and what is not.

use std::sync::Arc;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::{
    BodyInfo, CaptureLevel, CaptureSettings, Exchange, ExchangeEnd, ExchangeKind, MOST_REPLAYS, Party, ReplayBody,
    ReplayRequest, Replayed, ReplayedExchange, RequestId, UserId,
};
use masking::MASK;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, timeout_at};

use super::access::Inspected;
use super::feed::Recorded;
use crate::{CoreError, ReplayOrder, Result, Sent, Services, Viewer};

/// The largest body that is sent again, bytes: as much as may be kept of one.
const MOST_BODY: usize = 8 * 1024 * 1024;
/// How long the recorder may take until the answer does not wait for it any more.
const PATIENCE: Duration = Duration::from_secs(2);

impl Services {
    /// Sends a recorded request again, through the engine as its client did, and says what has come of it. It goes to
    /// nobody but whom its owner owns, and is recorded with its bodies whatever is usual there.
    ///
    /// # Errors
    /// `NotFound`, also when where it is to go is not its owner's; `Invalid`; `not_replayable`, `head_not_kept`,
    /// `body_not_whole`, `path_masked` when it is not at hand as it was; `replay_nowhere` when nobody would be asked;
    /// `Throttled` when too many are under way.
    pub async fn replay(
        &self,
        viewer: &Viewer,
        of: Inspected,
        id: RequestId,
        wish: &ReplayRequest,
    ) -> Result<Replayed> {
        if !(1..=MOST_REPLAYS).contains(&wish.times) {
            return Err(CoreError::invalid(
                "times",
                format!("a request is sent again 1 to {MOST_REPLAYS} times at once"),
            ));
        }
        let inspector = self.inspector();
        let exchange = inspector.get(viewer, of, id).await?;
        if matches!(exchange.summary.kind, ExchangeKind::WebSocket | ExchangeKind::Upgrade) {
            let message = "this was no request alone: what both ends said after it cannot be sent again";
            return Err(CoreError::conflict("not_replayable", message));
        }
        let Fields { sent: fields, left_out } = fields(&exchange, wish)?;
        let body = match &wish.body {
            Some(body) => given(body)?,
            None => self.body_of(viewer, of, &exchange).await?,
        };
        let settings = inspector.settings(viewer, of).await?;
        let order = ReplayOrder {
            of: id,
            owner: UserId(inspector.owner(viewer, of).await?),
            settings: Arc::new(CaptureSettings { level: CaptureLevel::Bodies, ..settings }),
            client: exchange.summary.client,
            secure: exchange.secure,
            service: exchange.summary.service,
            method: wish.method.clone().unwrap_or_else(|| exchange.summary.method.clone()),
            path: path(&exchange, wish)?,
            fields,
            body,
            to: wish.to.clone(),
            times: wish.times,
        };
        let recorded = inspector.feed.subscribe();
        let replayer = self.replayer_place().get();
        let replayer = replayer.ok_or_else(|| CoreError::Unavailable("nothing is served here".to_owned()))?;
        let sent = replayer.replay(order).await?;
        Ok(Replayed { replay_of: id, left_out, exchanges: gather(recorded, &sent).await })
    }

    /// The body as it was.
    async fn body_of(&self, viewer: &Viewer, of: Inspected, exchange: &Exchange) -> Result<Bytes> {
        if exchange.request_body.size == 0 {
            return Ok(Bytes::new());
        }
        if let Some(why) = missing(&exchange.request_body) {
            let message =
                format!("the request's body is not at hand as it was: {why}; give a body to send in its place");
            return Err(CoreError::conflict("body_not_whole", message));
        }
        let body = self.inspector().body(viewer, of, exchange.summary.id, Party::Client).await?;
        let gone = || CoreError::conflict("body_not_whole", "the request's body is not kept any more; give one");
        Ok(body.ok_or_else(gone)?.bytes.into())
    }
}

/// Why a body is not as it was.
fn missing(body: &BodyInfo) -> Option<String> {
    let why = match body {
        BodyInfo { whole: true, .. } => return None,
        BodyInfo { masked: true, .. } => "parts of it were masked before it was stored".to_owned(),
        BodyInfo { kept: 0, size, .. } => {
            format!("none of its {size} bytes were kept, since capture was not set to headers and bodies")
        }
        BodyInfo { kept, size, .. } => format!("{kept} of its {size} bytes were kept"),
    };
    Some(why)
}

fn given(body: &ReplayBody) -> Result<Bytes> {
    let bytes = match body {
        ReplayBody::Text(text) => Bytes::from(text.clone()),
        ReplayBody::Base64(text) => {
            let decoded = STANDARD.decode(text.trim());
            decoded.map_err(|error| CoreError::invalid("body", format!("this is no base64: {error}")))?.into()
        }
    };
    if bytes.len() > MOST_BODY {
        return Err(CoreError::invalid("body", "a body has at most 8 MiB"));
    }
    Ok(bytes)
}

/// The header fields of a request.
struct Fields {
    sent: Vec<(String, String)>,
    /// The names of those that are not sent, since their values are not known.
    left_out: Vec<String>,
}

fn fields(exchange: &Exchange, wish: &ReplayRequest) -> Result<Fields> {
    let all: Vec<(&str, &str, bool)> = match (&wish.headers, &exchange.request) {
        (Some(fields), _) => fields.iter().map(|it| (&*it.name, &*it.value, it.masked)).collect(),
        (None, Some(head)) => head.fields.iter().map(|it| (&*it.name, &*it.value, it.masked)).collect(),
        (None, None) => {
            let message = "the request's header fields were not kept, since capture was not set to headers; give those \
                to send, or none as []";
            return Err(CoreError::conflict("head_not_kept", message));
        }
    };
    let set = |name: &str| wish.set_headers.keys().any(|set| set.eq_ignore_ascii_case(name));
    // A body that was given is not encoded as the other one was.
    let is_other_body = wish.body.is_some() && wish.headers.is_none();
    let (mut sent, mut left_out) = (Vec::new(), Vec::new());
    for (name, value, masked) in all {
        if set(name) || is_other_body && name.eq_ignore_ascii_case("content-encoding") {
            continue;
        }
        if masked || value.contains(MASK) {
            left_out.push(name.to_owned());
        } else {
            sent.push((name.to_owned(), value.to_owned()));
        }
    }
    let values = wish.set_headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    sent.extend(values);
    if !sent.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        sent.insert(0, ("Host".to_owned(), exchange.summary.host.clone()));
    }
    left_out.dedup();
    Ok(Fields { sent, left_out })
}

fn path(exchange: &Exchange, wish: &ReplayRequest) -> Result<String> {
    if let Some(path) = &wish.path {
        if path.contains(MASK) {
            return Err(CoreError::invalid("path", format!("put the real value in place of {MASK}")));
        }
        return Ok(path.clone());
    }
    // In a list it may be cut.
    let line = exchange.request.as_ref().and_then(|head| head.start_line.split(' ').nth(1));
    let path = line.filter(|target| target.starts_with('/')).unwrap_or(&exchange.summary.path);
    if path.contains(MASK) {
        let message = "a part of the query was masked before it was stored; give the whole path";
        return Err(CoreError::conflict("path_masked", message));
    }
    Ok(path.to_owned())
}

/// What was recorded of them, as soon as it is.
async fn gather(mut recorded: Receiver<Recorded>, sent: &[Sent]) -> Vec<ReplayedExchange> {
    let mut exchanges: Vec<_> =
        sent.iter().map(|sent| ReplayedExchange { id: sent.id, status: sent.status, exchange: None }).collect();
    let until = Instant::now() + PATIENCE;
    let is_over = |it: &ReplayedExchange| it.exchange.as_ref().is_some_and(|it| it.end != ExchangeEnd::Open);
    while !exchanges.iter().all(is_over) {
        match timeout_at(until, recorded.recv()).await {
            Ok(Ok(Recorded { exchange, .. })) => {
                if let Some(place) = exchanges.iter_mut().find(|it| it.id == exchange.id) {
                    place.exchange = Some((*exchange).clone());
                }
            }
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    exchanges
}
