//! Asking a backend.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use server::upstream::{
    Answer, Common, ConnectPolicy, Failed, IfLost, Names, Settings, Trust, Upstream, UpstreamBody, UpstreamBodyError,
};
use wire::head::{RequestHead, ResponseHead};

/// What a test sends.
pub type Sent = Full<Bytes>;

pub fn common(settings: Settings) -> Common {
    Common { settings, threads: 1, names: Arc::new(Names::of_system()), trust: Arc::new(Trust::of_system()) }
}

pub fn upstream(address: impl ToString) -> Upstream {
    with(address, Settings::default())
}

pub fn with(address: impl ToString, settings: Settings) -> Upstream {
    Upstream::new(address.to_string().parse().unwrap(), true, ConnectPolicy::Anything, &common(settings))
}

pub fn head(method: Method, target: &str) -> RequestHead {
    let headers = HeaderMap::from_iter([(http::header::HOST, "app.example".parse().unwrap())]);
    RequestHead { method, target: target.parse().unwrap(), headers, upgrade: None }
}

/// The head of the response and what is left of it.
pub async fn answer<B>(
    upstream: &Upstream,
    mut head: RequestHead,
    body: Option<B>,
) -> Result<(ResponseHead, UpstreamBody<B>), Failed<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    match upstream.request(&mut head, body, IfLost::SendAgain, |_, _| {}).await? {
        Answer::Response(head, body) => Ok((head, body)),
        Answer::Upgraded(..) => panic!("an upgrade that nobody asked for"),
    }
}

/// The whole response, whose body is to be text.
pub async fn ask(
    upstream: &Upstream,
    method: Method,
    target: &str,
    body: Option<&'static str>,
) -> Result<(StatusCode, String), Failed<Sent>> {
    let mut head = head(method, target);
    if let Some(body) = body {
        head.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    }
    let (head, body) = answer(upstream, head, body.map(Full::from)).await?;
    Ok((head.status, text(body).await.unwrap()))
}

pub async fn get(upstream: &Upstream) -> Result<(StatusCode, String), Failed<Sent>> {
    ask(upstream, Method::GET, "/", None).await
}

pub async fn text<B>(body: UpstreamBody<B>) -> Result<String, UpstreamBodyError>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    Ok(String::from_utf8(body.collect().await?.to_bytes().to_vec()).unwrap())
}
