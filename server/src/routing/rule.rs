//! What a domain or a route asks for, made ready for requests.

use std::sync::Arc;

use bytes::BytesMut;
use domain::{HeaderChanges, HeaderRules, Redirect};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};
use server_core::RuleEntry;

use super::{Split, TunnelRoute};
use crate::front::Front;

/// A domain's own target, or a route's, with all that a request to it needs.
#[derive(Debug)]
pub struct Rule {
    /// What the database says.
    pub entry: RuleEntry,
    /// What is changed of headers.
    pub headers: HeaderEdits,
    /// Where it leads.
    pub target: Target,
    /// What stands in front of it: what is in front of its domain first.
    pub fronts: Box<[Arc<Front>]>,
}

/// Where a rule leads.
#[derive(Debug)]
pub enum Target {
    /// Nowhere.
    Nothing,
    /// To one of a service's backends.
    Pool(Split),
    /// To a tunnel.
    Tunnel(Arc<TunnelRoute>),
    /// The client goes elsewhere.
    Redirect(Redirect),
}

/// Changes of header fields, in both directions.
#[derive(Debug, Default)]
pub struct HeaderEdits {
    request: Edits,
    response: Edits,
}

#[derive(Debug, Default)]
struct Edits {
    set: Box<[(HeaderName, HeaderValue)]>,
    remove: Box<[HeaderName]>,
}

impl HeaderEdits {
    /// Makes them ready. What is no header field is left out: it was refused when it was saved.
    pub fn new(rules: &HeaderRules) -> Self {
        Self { request: Edits::new(rules.request()), response: Edits::new(rules.response()) }
    }

    /// Changes the head of a request.
    pub fn request(&self, headers: &mut HeaderMap) {
        self.request.apply(headers);
    }

    /// Changes the head of a response.
    pub fn response(&self, headers: &mut HeaderMap) {
        self.response.apply(headers);
    }
}

impl Edits {
    fn new(changes: &HeaderChanges) -> Self {
        let set = changes.set.iter().filter_map(|(name, value)| {
            Some((name.as_str().parse().ok()?, HeaderValue::from_str(value.as_str()).ok()?))
        });
        let remove = changes.remove.iter().filter_map(|name| name.as_str().parse().ok());
        Self { set: set.collect(), remove: remove.collect() }
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
    }
}

impl Rule {
    /// The path and query that the backend sees: without the first `mount` bytes of the path when the rule strips them.
    pub fn target_for(&self, asked: &PathAndQuery, mount: usize) -> PathAndQuery {
        if !self.entry.strip_prefix || mount == 0 {
            return asked.clone();
        }
        without_prefix(asked, mount).unwrap_or_else(|| asked.clone())
    }

    /// Where a client goes that asked for `asked` of `host`.
    pub fn redirect_to(&self, redirect: &Redirect, asked: &PathAndQuery, mount: usize) -> Option<HeaderValue> {
        let to = redirect.to.as_str();
        if !redirect.keep_path {
            return HeaderValue::from_str(to).ok();
        }
        let rest = without_prefix(asked, mount).unwrap_or_else(|| asked.clone());
        // An address that has a query already keeps it; the client's follows.
        let location = match (to.split_once('?'), rest.query()) {
            (Some((path, query)), Some(more)) => {
                format!("{}{}?{query}&{more}", path.trim_end_matches('/'), rest.path())
            }
            (Some((path, query)), None) => format!("{}{}?{query}", path.trim_end_matches('/'), rest.path()),
            (None, _) => format!("{}{rest}", to.trim_end_matches('/')),
        };
        HeaderValue::from_maybe_shared(BytesMut::from(location.as_bytes()).freeze()).ok()
    }
}

/// Path and query without the first `mount` bytes of the path; what is left begins with a slash.
fn without_prefix(asked: &PathAndQuery, mount: usize) -> Option<PathAndQuery> {
    let rest = asked.as_str().get(mount..)?;
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    PathAndQuery::from_maybe_shared(bytes::Bytes::from(rest)).ok()
}
