//! Requests on their way from a switchboard of one region to another's.
//!
//! The other one has the same rules and follows them itself: what stands in front asks there as well, and whoever is let in
//! here is let in there, since it is sent what the client has sent, and told who that is.

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use server_core::{RelayedClient, RelayedRequest, Services};
use wire::head::RequestHead;

use super::exchange::Exchange;
use crate::ingress::{Client, RequestHost};
use crate::upstream::Upstream;

/// Says that a switchboard of another region has passed the request on. Whoever sends it can only keep the request from
/// being passed on once more.
pub(super) const HOP: HeaderName = HeaderName::from_static("x-switchboard-hop");
/// Says whose request it is, so that only switchboards can (`server_core::Relays`).
const FOR: HeaderName = HeaderName::from_static("x-switchboard-hop-for");
/// What of a client's fields is changed on the way to a backend, and not on the way to another region: a front there
/// looks at it, too.
const ITS_OWN: [HeaderName; 2] = [header::COOKIE, header::AUTHORIZATION];

/// Finds out whose a request is: what a switchboard of another region has said of it is believed.
pub(crate) fn client<B>(client: Client, request: &Request<B>, services: &Services) -> Client {
    let Some(told) = told(request, services) else { return client };
    let RelayedClient { address, secure, request_id } = told;
    Client { address, secure, request_id, through_trusted_proxy: true, ..client }
}

fn told<B>(request: &Request<B>, services: &Services) -> Option<RelayedClient> {
    // Hardly any request has it, and to ask the map for it costs more than this.
    if !request.headers().keys().any(|name| *name == FOR) {
        return None;
    }
    let text = request.headers().get(FOR)?.to_str().ok()?;
    let host = RequestHost::of(request.uri(), request.headers()).ok()?;
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    services.relays().told(text, RelayedRequest { method: request.method().as_str(), host: &host.name, target })
}

/// Takes out of a request what switchboards tell each other.
pub(super) fn strip(headers: &mut HeaderMap) {
    headers.remove(HOP);
    headers.remove(FOR);
}

/// What has to go to another region as it came.
pub(super) fn own(headers: &HeaderMap) -> HeaderMap {
    let fields = ITS_OWN.iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
    let mut own = HeaderMap::new();
    for (name, value) in fields {
        own.append(name, value.clone());
    }
    own
}

/// The request as its client sent it, and whose it is. `own` is what was taken out of it.
pub(super) fn onward(
    exchange: &Exchange<'_>,
    head: &RequestHead,
    upstream: &Upstream,
    own: Option<&HeaderMap>,
    services: &Services,
) -> RequestHead {
    let mut head = RequestHead { target: exchange.asked.clone(), ..head.clone() };
    let host = exchange.host.clone().unwrap_or_else(|| upstream.authority().clone());
    if let Some(own) = own {
        for name in &ITS_OWN {
            head.headers.remove(name);
        }
        head.headers.extend(own.clone());
    }
    head.headers.insert(HOP, HeaderValue::from_static("1"));
    if let Some(told) = tell(&exchange.client, &head, &host, services) {
        head.headers.insert(FOR, told);
    }
    head.headers.insert(header::HOST, host);
    head
}

fn tell(client: &Client, head: &RequestHead, host: &HeaderValue, services: &Services) -> Option<HeaderValue> {
    let host = RequestHost::parse(host.to_str().ok()?).ok()?;
    let request = RelayedRequest { method: head.method.as_str(), host: &host.name, target: head.target.as_str() };
    let Client { address, secure, request_id, .. } = *client;
    let told = services.relays().tell(&RelayedClient { address, secure, request_id }, request);
    match told.map(HeaderValue::try_from) {
        Ok(Ok(told)) => Some(told),
        Ok(Err(_)) => None,
        Err(error) => {
            tracing::warn!(cause = error.cause(), "another region is not told whose a request is: {error}");
            None
        }
    }
}
