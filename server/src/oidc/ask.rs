//! How the provider is asked: over connections of our own, with a deadline and a limit for each answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use server_core::{ConnectPolicy, Outside};
use tokio::time::timeout;
use url::{Origin, Url};
use wire::head::RequestHead;

use crate::upstream::{Answer, Common, IfLost, Names, Settings, Trust, Upstream};

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("switchboard-sign-in/", env!("CARGO_PKG_VERSION")));
/// How long the provider has for one answer, with the time for the connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may be, bytes. A description has some 5 KiB, and twenty keys have 30.
const MOST: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AskError {
    #[error("{0}")]
    Away(String),
    #[error("{0}")]
    Answer(String),
}

/// Asks the provider. Redirects are answers like others.
#[derive(Debug)]
pub(super) struct Asker {
    common: Common,
    outside: Arc<Outside>,
    issuer: Origin,
    /// Whether the issuer is on this machine, and TLS not needed.
    plain: bool,
}

impl Asker {
    /// It is where `names` says. The administrator has written down where `issuer` is, so that may be anywhere; what else the provider names, may be
    /// on the Internet and where `outside` allows it.
    pub(super) fn new(issuer: &Url, names: Arc<Names>, outside: Arc<Outside>) -> Self {
        let trust = Arc::new(Trust::of_system());
        let settings = Settings { max_idle: 0, connect_timeout: PATIENCE, ..Settings::default() };
        let common = Common { settings, threads: 0, names, trust };
        Self { common, outside, issuer: issuer.origin(), plain: issuer.scheme() == "http" }
    }

    /// Whether an address that the provider names is one to go to, or to send a browser to.
    pub(super) fn is_an_endpoint(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.plain && url.scheme() == "http"
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, AskError> {
        let (parts, body) = request.into_parts();
        let text = parts.uri.to_string();
        let url = Url::parse(&text).map_err(|error| AskError::Answer(format!("an address of it is none: {error}")))?;
        if !self.is_an_endpoint(&url) {
            return Err(AskError::Answer(format!("it names an address that is not https: {}", place(&url))));
        }
        let what = format!("{}://{}", url.scheme(), parts.uri.authority().map_or("", |authority| authority.as_str()));
        let address = what.parse::<domain::BackendAddress>().map_err(|error| AskError::Answer(error.to_string()))?;
        let policy = if url.origin() == self.issuer { ConnectPolicy::Anything } else { self.outside.policy(false) };
        let mut headers = parts.headers;
        let host = HeaderValue::try_from(address.authority()).map_err(|error| AskError::Answer(error.to_string()))?;
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        let body = (!body.is_empty()).then(|| Full::new(Bytes::from(body)));
        if let Some(body) = &body {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(http_body::Body::size_hint(body).lower()));
        }
        let target = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let mut head = RequestHead { method: parts.method, target, headers, upgrade: None };
        let upstream = Upstream::new(address, true, policy, &self.common);
        let asked = upstream.request(&mut head, body, IfLost::SendAgain, |_, _| {}).await;
        let away = |what: String| AskError::Away(format!("{}: {what}", place(&url)));
        let (head, body) = match asked {
            Ok(Answer::Response(head, body)) => (head, body),
            Ok(Answer::Upgraded(..)) => return Err(away("it switched protocols without being asked to".to_owned())),
            Err(failed) => return Err(away(failed.error.to_string())),
        };
        let body = Limited::new(body, MOST).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => AskError::Answer(format!("{} has more than {} KiB", place(&url), MOST / 1024)),
            false => away(error.to_string()),
        })?;
        let mut response = Response::new(body.to_bytes().to_vec());
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Asker {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let late = || AskError::Away(format!("it did not answer within {} s", PATIENCE.as_secs()));
            timeout(PATIENCE, Box::pin(self.ask(request))).await.map_err(|_| late())?
        })
    }
}

/// An address as the log may have it: without its query.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}
