//! Notices as JSON, posted and signed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::WebhookUrl;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::json;
use server_core::{Notice, Outside};
use tokio::time::timeout;
use wire::head::RequestHead;

use super::sign;
use crate::upstream::{Answer, Common, IfLost, Names, Settings, Trust, Upstream};

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("switchboard-alerts/", env!("CARGO_PKG_VERSION")));
const SIGNATURE: HeaderName = HeaderName::from_static("x-switchboard-signature");
const EVENT: HeaderName = HeaderName::from_static("x-switchboard-event");
/// How long a receiver has to answer, with the time for the connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer's body, and for how long, is read so that the connection ends in good order.
const FAREWELL: (usize, Duration) = (64 * 1024, Duration::from_millis(100));

/// Posts notices.
#[derive(Debug)]
pub struct Webhooks {
    common: Common,
    outside: Arc<Outside>,
}

impl Webhooks {
    /// They are where `names` says. Members' webhooks may be on the Internet and where `outside` allows it; administrators' anywhere.
    pub fn new(names: Arc<Names>, outside: Arc<Outside>) -> Self {
        let trust = Arc::new(Trust::of_system());
        let settings = Settings { max_idle: 0, ..Settings::default() };
        Self { common: Common { settings, threads: 0, names, trust }, outside }
    }

    /// Posts a notice. Anything but a 2xx is a failure; redirects are not followed.
    pub(super) async fn post(&self, url: &WebhookUrl, notice: &Notice) -> Result<(), String> {
        match timeout(PATIENCE, Box::pin(self.ask(url, notice))).await {
            Ok(Ok(status)) if status.is_success() => Ok(()),
            Ok(Ok(status)) if status.is_redirection() => Err(format!(
                "the webhook answered {status}; redirects are not followed, so enter the address it leads to"
            )),
            Ok(Ok(status)) => Err(format!("the webhook answered {status} instead of 200 or another 2xx")),
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err(format!("the webhook did not answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn ask(&self, url: &WebhookUrl, notice: &Notice) -> Result<StatusCode, String> {
        let (address, path) = url.parts().map_err(|error| error.to_string())?;
        let body = body(notice);
        let secret = notice.secret.as_ref().ok_or("the alert has no secret; give it a new one")?;
        let signature = sign(secret.expose(), chrono::Utc::now().timestamp(), &body);
        let value = |text: String| HeaderValue::try_from(text).map_err(|error| error.to_string());
        let mut head = RequestHead {
            method: Method::POST,
            target: PathAndQuery::try_from(path).map_err(|error| error.to_string())?,
            headers: HeaderMap::from_iter([
                (HOST, value(address.authority())?),
                (USER_AGENT, USER_AGENT_VALUE),
                (ACCEPT, HeaderValue::from_static("*/*")),
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (CONTENT_LENGTH, HeaderValue::from(body.len())),
                (EVENT, value(notice.event.id.to_string())?),
                (SIGNATURE, value(signature)?),
            ]),
            upgrade: None,
        };
        let upstream = Upstream::new(address, true, self.outside.policy(notice.of_administrator), &self.common);
        match upstream.request(&mut head, Some(Full::new(Bytes::from(body))), IfLost::SendAgain, |_, _| {}).await {
            Ok(Answer::Response(head, body)) => {
                // What it says is nobody's matter.
                let _read = timeout(FAREWELL.1, Limited::new(body, FAREWELL.0).collect()).await;
                Ok(head.status)
            }
            Ok(Answer::Upgraded(..)) => {
                Err("the webhook switched to another protocol without being asked to".to_owned())
            }
            Err(failed) => Err(failed.error.to_string()),
        }
    }
}

fn body(notice: &Notice) -> Vec<u8> {
    let (event, alert) = (&notice.event, &notice.alert);
    json!({
        "id": event.id,
        "type": format!("alert.{}", event.state),
        "at": event.at,
        "alert": {
            "id": alert.id,
            "name": alert.name,
            "kind": alert.kind,
            "limit": alert.limit,
            "for_seconds": alert.for_seconds,
        },
        "subject": event.subject,
        "value": event.value,
        "message": event.message,
        "attempt": event.attempts,
    })
    .to_string()
    .into_bytes()
}
