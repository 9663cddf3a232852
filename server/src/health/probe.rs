//! One check of one backend.

use std::time::Duration;

use bytes::Bytes;
use domain::HealthCheck;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use tokio::time::{Instant, timeout};
use wire::head::RequestHead;

use super::board::Found;
use crate::upstream::{Answer, IfLost, Upstream, UpstreamBody};

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("switchboard-health/", env!("CARGO_PKG_VERSION")));
/// How much of a body, and for how long, is read so that the connection ends in good order; what it says is ignored.
const FAREWELL: (usize, Duration) = (64 * 1024, Duration::from_millis(100));

/// Asks once, and waits that long for the head of the answer.
pub(super) async fn ask(upstream: &Upstream, check: &HealthCheck, limit: Duration) -> Found {
    let began = Instant::now();
    let asked = timeout(limit, status(upstream, check)).await;
    let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    let (good, outcome) = match asked {
        Ok(Ok((status, body))) => {
            // Cut off or not, that is no matter of health.
            let _read = timeout(FAREWELL.1, Limited::new(body, FAREWELL.0).collect()).await;
            match check.statuses.contains(status.as_u16()) {
                true => (true, status.to_string()),
                false => (false, format!("{status} instead of {}", check.statuses)),
            }
        }
        Ok(Err(problem)) => (false, problem),
        Err(_) => (false, format!("no answer within {}", humantime::format_duration(limit))),
    };
    Found { good, duration_ms, outcome }
}

async fn status(upstream: &Upstream, check: &HealthCheck) -> Result<(StatusCode, UpstreamBody<Empty<Bytes>>), String> {
    let authority = upstream.address().authority();
    let mut head = RequestHead {
        method: Method::GET,
        target: PathAndQuery::try_from(check.path.as_str()).map_err(|error| error.to_string())?,
        headers: HeaderMap::from_iter([
            (HOST, HeaderValue::try_from(authority).map_err(|error| error.to_string())?),
            (USER_AGENT, USER_AGENT_VALUE),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ]),
        upgrade: None,
    };
    match upstream.request(&mut head, None, IfLost::SendAgain, |_, _| {}).await {
        Ok(Answer::Response(head, body)) => Ok((head.status, body)),
        Ok(Answer::Upgraded(..)) => Err("it switched to another protocol without being asked to".to_owned()),
        Err(failed) => Err(failed.error.to_string()),
    }
}
