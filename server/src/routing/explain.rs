//! Why a request goes where it goes, told by the functions that decide it.

use std::net::{IpAddr, Ipv4Addr};

use domain::{
    BackendState, ExplainAbout, ExplainCandidate, ExplainOutcome, ExplainRequest, ExplainStep, Explanation,
    HealthStatus, Maintenance,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use server_core::{CoreError, PolicyError};
use server_routing::Step;
use server_routing::balance::Candidate as _;
use server_routing::path::normalise;
use url::Url;

use super::pool::{Candidate, Origin, Pool};
use super::rule::{Rule, Target};
use super::table::{Destination, Matched, NoDestination, Table, TunnelRoute};
use crate::front::{Ahead, Limits, explain_token};
use crate::ingress::RequestHost;
use crate::proxy::Problem;

/// A request that can be explained.
#[derive(Debug)]
pub struct Question {
    host: String,
    target: String,
    secure: bool,
    headers: HeaderMap,
    client: IpAddr,
}

impl Question {
    /// Understands what is to be explained.
    ///
    /// # Errors
    /// `Invalid` names what is wrong.
    pub fn new(request: &ExplainRequest) -> Result<Self, CoreError> {
        let invalid = |field, message: &str| CoreError::Invalid { field, message: message.to_owned() };
        let text = request.url.trim();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let wrong = || invalid("url", "give an address such as http://app.example.com/shop");
        let url = Url::parse(&text).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(wrong());
        }
        if let Some(method) = &request.method {
            Method::from_bytes(method.as_bytes()).map_err(|_| invalid("method", "this is no HTTP method"))?;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers.iter().take(100) {
            let name =
                HeaderName::try_from(name).map_err(|_| invalid("headers", "a header has a name that is none"))?;
            let value =
                HeaderValue::try_from(value).map_err(|_| invalid("headers", "a header has a value that is none"))?;
            headers.append(name, value);
        }
        // The path as it was written: `Url` has taken dot segments out already, which is what is to be explained.
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let target = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        let target = target.split('#').next().unwrap_or_default();
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self {
            host: url.host_str().ok_or_else(wrong)?.to_owned(),
            target,
            secure: matches!(url.scheme(), "https" | "wss"),
            headers,
            client: request.client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical(),
        })
    }
}

/// What has been found out so far.
struct Telling {
    steps: Vec<ExplainStep>,
}

impl Telling {
    fn say(&mut self, about: ExplainAbout, yes: bool, text: impl Into<String>) {
        self.steps.push(ExplainStep { about, yes, text: text.into() });
    }

    /// Tells how many requests the telephones of a tunnel are given, as their tokens say; what is said already, once.
    fn say_rates(&mut self, route: &TunnelRoute) {
        for step in route.sessions.rates().iter().map(|rate| explain_token(rate)) {
            if !self.steps.contains(&step) {
                self.steps.push(step);
            }
        }
    }
}

impl Table {
    /// Tells what would become of a request. `may_see` says of which owners things may be told.
    pub fn explain(
        &self,
        question: &Question,
        limits: &Limits,
        may_see: impl Fn(domain::UserId) -> bool,
    ) -> Explanation {
        let mut telling = Telling { steps: Vec::new() };
        let path = question.target.split('?').next().unwrap_or_default();
        let path = normalise(path).map_or_else(|_| path.to_owned(), |path| path.into_owned());
        let (host, outcome) = match RequestHost::parse(&question.host) {
            Ok(host) => {
                (host.name.clone().into_owned(), self.outcome(&host, &path, question, limits, may_see, &mut telling))
            }
            Err(error) => {
                telling.say(ExplainAbout::Request, false, error.to_string());
                (question.host.clone(), failure(&Problem::bad_host(&error), Vec::new()))
            }
        };
        Explanation { host, path, steps: telling.steps, outcome }
    }

    fn outcome(
        &self,
        host: &RequestHost<'_>,
        path: &str,
        question: &Question,
        limits: &Limits,
        may_see: impl Fn(domain::UserId) -> bool,
        telling: &mut Telling,
    ) -> ExplainOutcome {
        match self.find(host, &question.target) {
            Ok(Destination::Tunnel(route)) if !may_see(route.owner) => ExplainOutcome::SomeoneElses,
            Ok(Destination::Rule(rule, _)) if !may_see(rule.entry.owner) => ExplainOutcome::SomeoneElses,
            found => {
                if host.is_address {
                    telling.say(ExplainAbout::Host, true, "an IP address is the dashboard's");
                } else {
                    let (_, steps) = self.entries.explain(&host.name, path);
                    steps.iter().for_each(|step| tell(step, telling));
                }
                let owner = match &found {
                    Ok(Destination::Tunnel(route)) => Some(route.owner),
                    Ok(Destination::Rule(rule, _)) => Some(rule.entry.owner),
                    Ok(Destination::Dashboard) | Err(_) => None,
                };
                telling.steps.extend(owner.into_iter().flat_map(|owner| limits.explain(owner)));
                match found {
                    Ok(Destination::Dashboard) => {
                        telling.say(ExplainAbout::Target, true, "this is the dashboard's host");
                        ExplainOutcome::Dashboard
                    }
                    Ok(Destination::Tunnel(route)) => tunnel(&route, None, question, question.target.clone(), telling),
                    Ok(Destination::Rule(rule, matched)) => by_rule(&rule, &matched, host, question, telling),
                    Err(NoDestination::Unknown) => failure(&Problem::no_route(), Vec::new()),
                    Err(NoDestination::Path(error)) => {
                        telling.say(ExplainAbout::Request, false, error.to_string());
                        failure(&Problem::bad_path(error), Vec::new())
                    }
                }
            }
        }
    }
}

fn tell(step: &Step<'_>, telling: &mut Telling) {
    let (about, yes, text) = match *step {
        Step::Host { name, found: true } => (ExplainAbout::Host, true, format!("{name} is a host of its own")),
        Step::Host { name, found: false } => (ExplainAbout::Host, false, format!("no domain or tunnel is {name}")),
        Step::Wildcard { name, found: true } => (ExplainAbout::Host, true, format!("the domain *.{name} covers it")),
        Step::Wildcard { name, found: false } => (ExplainAbout::Host, false, format!("there is no domain *.{name}")),
        Step::AnyHost { found: true } => (ExplainAbout::Host, true, "the routes for any host are asked".to_owned()),
        Step::AnyHost { found: false } => (ExplainAbout::Host, false, "there are no routes for any host".to_owned()),
        Step::Mount { path, found: true } => (ExplainAbout::Mount, true, format!("the mount {path} covers the path")),
        Step::Mount { path, found: false } => (ExplainAbout::Mount, false, format!("there is no mount {path}")),
        Step::OwnTarget { found: true } => {
            (ExplainAbout::Mount, true, "no mount covers the path; the host's own target serves".to_owned())
        }
        Step::OwnTarget { found: false } => {
            (ExplainAbout::Mount, false, "no mount covers the path, and the host has no target of its own".to_owned())
        }
    };
    telling.say(about, yes, text);
}

fn by_rule(
    rule: &Rule,
    matched: &Matched,
    host: &RequestHost<'_>,
    question: &Question,
    telling: &mut Telling,
) -> ExplainOutcome {
    let asked = matched.path.clone().or_else(|| question.target.parse().ok());
    let Some(asked) = asked else { return failure(&Problem::no_route(), Vec::new()) };
    if rule.entry.http_to_https && !question.secure {
        telling.say(ExplainAbout::Target, true, "the domain sends requests without TLS to https");
        let location = format!("https://{}{asked}", host.name);
        return ExplainOutcome::Redirect { status: 308, location, rule: rule.entry.id };
    }
    if let Target::Tunnel(route) = &rule.target
        && let Some(paused) = paused(route, telling)
    {
        return paused;
    }
    if let Some(refused) = pass(rule.fronts.iter().map(Ahead::whole), question, telling) {
        return refused;
    }
    let target = rule.target_for(&asked, matched.mount).to_string();
    if target != asked.as_str() {
        telling.say(ExplainAbout::Target, true, format!("the backend is asked for {target}"));
    }
    match &rule.target {
        Target::Nothing => {
            telling.say(ExplainAbout::Target, false, "it leads nowhere; choose a service, a tunnel or a redirect");
            failure(&Problem::no_route(), Vec::new())
        }
        Target::Redirect(redirect) => {
            telling.say(ExplainAbout::Target, true, "it is a redirect");
            let location = rule.redirect_to(redirect, &asked, matched.mount);
            let location = location.as_ref().and_then(|location| location.to_str().ok()).unwrap_or_default().to_owned();
            ExplainOutcome::Redirect { status: redirect.status.as_u16(), location, rule: rule.entry.id }
        }
        Target::Tunnel(route) => tunnel(route, Some(rule), question, target, telling),
        Target::Pool(split) => {
            if let (now, Some((next, percent))) = split.pools() {
                let text = format!(
                    "{} is switched to: {percent} % of requests go there, the others to {}",
                    name(next),
                    name(now)
                );
                telling.say(ExplainAbout::Tag, true, text);
            }
            let (pool, _) = split.pool(&question.headers, question.client);
            by_pool(rule, pool, target, question, telling)
        }
    }
}

fn name(pool: &Pool) -> String {
    pool.tag.as_ref().map_or_else(|| "any tag".to_owned(), |tag| format!("the tag {tag}"))
}

fn by_pool(rule: &Rule, pool: &Pool, target: String, question: &Question, telling: &mut Telling) -> ExplainOutcome {
    telling.say(ExplainAbout::Target, true, format!("it leads to the service {}", pool.name));
    let carry = match (&pool.tag, pool.candidates().len()) {
        (Some(tag), 0) => format!("no running backend carries the tag {tag}"),
        (Some(tag), count) => format!("the tag {tag} is enabled; backends that carry it: {count}"),
        (None, count) => format!("no tag is enabled, so that any backend will do; backends: {count}"),
    };
    telling.say(ExplainAbout::Tag, !pool.candidates().is_empty(), carry);
    for route in pool.guarded() {
        let subdomain = &route.address.subdomain;
        let text =
            format!("the tunnel {subdomain} is among them: whoever comes has to pass what stands in front of it");
        telling.say(ExplainAbout::Front, true, text);
        if let Some(refused) = pass(route.front.iter().map(Ahead::of_backend), question, telling) {
            return refused;
        }
    }
    for candidate in pool.candidates() {
        if let Origin::Tunnel(route) = &candidate.origin {
            telling.say_rates(route);
        }
    }
    let tie = pool.tie(&question.headers, question.client);
    let chosen = pool.would_pick(tie);
    let candidates: Vec<_> = pool
        .candidates()
        .iter()
        .enumerate()
        .map(|(place, candidate)| describe(candidate, pool, place, chosen))
        .collect();
    for candidate in &candidates {
        telling.say(ExplainAbout::Backend, candidate.chosen, format!("{}: {}", candidate.id, candidate.reason));
    }
    if chosen.is_none() {
        return failure(&Problem::no_healthy_backend(), candidates);
    }
    let maintained = pool.candidates().iter().map(maintenance).collect::<Option<Vec<_>>>();
    if let Some(maintenance) = maintained.as_deref().and_then(<[_]>::first) {
        return failure(&Problem::maintenance(maintenance), candidates);
    }
    if pool.candidates().iter().all(|candidate| refusal(candidate).is_some()) {
        return failure(&Problem::address_refused(), candidates);
    }
    ExplainOutcome::Service {
        id: pool.service,
        name: pool.name.to_string(),
        tag: pool.tag.clone(),
        rule: rule.entry.id,
        target,
        candidates,
    }
}

fn describe(candidate: &Candidate, pool: &Pool, place: usize, chosen: Option<usize>) -> ExplainCandidate {
    let is_chosen = chosen == Some(place);
    let backend = &candidate.backend;
    let refused = refusal(candidate);
    let reason = match (&candidate.origin, &refused) {
        (_, Some(refused)) => refused.to_string(),
        (_, None) if maintenance(candidate).is_some() => "its tunnel is under maintenance".to_owned(),
        (_, None) if is_chosen && backend.is_ejected() => "chosen, since all others are out as well".to_owned(),
        (Origin::Tunnel(route), None) if is_chosen && route.sessions.is_empty() => {
            "chosen: its telephone has broken off, and the request waits a little for it".to_owned()
        }
        (_, None) if is_chosen => format!("chosen ({})", pool.way()),
        (_, None) if candidate.state == BackendState::Draining => "drains: no new clients".to_owned(),
        (_, None) if backend.health() == HealthStatus::Unhealthy => "its health check fails".to_owned(),
        (Origin::Tunnel(route), None) if route.sessions.is_empty() && candidate.announced => {
            "no telephone that announces it is connected".to_owned()
        }
        (Origin::Tunnel(route), None) if route.sessions.is_empty() => "no telephone serves its tunnel".to_owned(),
        (_, None) if candidate.is_full() => format!("has {} requests, as many as it may", candidate.most()),
        (_, None) if backend.is_ejected() => "left out for a while, since it failed again and again".to_owned(),
        (_, None) if candidate.weight() == 0 => "has no share of the requests (weight 0)".to_owned(),
        (_, None) if !pool.is_near(place) => "is in another region, and there are backends in this one".to_owned(),
        (_, None) => format!("could serve; another was chosen ({})", pool.way()),
    };
    ExplainCandidate {
        id: candidate.name.clone(),
        key: backend.id,
        origin: match &candidate.origin {
            Origin::Address(upstream) | Origin::Region(upstream) => upstream.address().to_string(),
            Origin::Tunnel(route) => format!("tunnel {}", route.address.subdomain),
        },
        announced: candidate.announced,
        state: candidate.state,
        health: backend.health(),
        ejected: backend.is_ejected(),
        region: candidate.region.clone(),
        in_flight: backend.in_flight(),
        weight: candidate.weight(),
        chosen: is_chosen,
        reason,
    }
}

/// Why connections may not lead to a backend.
fn refusal(candidate: &Candidate) -> Option<PolicyError> {
    match &candidate.origin {
        Origin::Address(upstream) => upstream.refusal(),
        Origin::Tunnel(_) | Origin::Region(_) => None,
    }
}

/// What visitors of a backend that is a tunnel read while nobody is let in there.
fn maintenance(candidate: &Candidate) -> Option<&Maintenance> {
    match &candidate.origin {
        Origin::Tunnel(route) => route.front.as_ref()?.settings().maintenance.as_ref(),
        Origin::Address(_) | Origin::Region(_) => None,
    }
}

/// Tells what stands in front of something; the outcome if that lets the request not in.
fn pass<'a>(
    mut fronts: impl Iterator<Item = Ahead<'a>>,
    question: &Question,
    telling: &mut Telling,
) -> Option<ExplainOutcome> {
    fronts.find_map(|Ahead { front, is_of_backend }| {
        let (steps, refused) = front.explain(question.client, is_of_backend);
        telling.steps.extend(steps);
        refused.map(|problem| failure(&problem, Vec::new()))
    })
}

fn tunnel(
    route: &TunnelRoute,
    rule: Option<&Rule>,
    question: &Question,
    target: String,
    telling: &mut Telling,
) -> ExplainOutcome {
    telling.say(ExplainAbout::Target, true, format!("it leads to the tunnel {}", route.address.subdomain));
    if let Some(paused) = paused(route, telling) {
        return paused;
    }
    if let Some(refused) = pass(route.front.iter().map(Ahead::whole), question, telling) {
        return refused;
    }
    telling.say_rates(route);
    let sessions = route.sessions.len();
    let text = match sessions {
        0 if route.sessions.is_awaited() => {
            "its telephone has broken off; the request waits a little for it".to_owned()
        }
        0 => "no telephone serves it".to_owned(),
        count => format!("telephones that serve it: {count}"),
    };
    telling.say(ExplainAbout::Backend, sessions > 0, text);
    if sessions == 0 && !route.sessions.is_awaited() {
        return failure(&Problem::tunnel_offline(), Vec::new());
    }
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    ExplainOutcome::Tunnel { id: route.id, sessions, rule: rule.map(|rule| rule.entry.id), target }
}

/// Tells whether a tunnel is paused, which is looked at before anything that stands in front of it.
fn paused(route: &TunnelRoute, telling: &mut Telling) -> Option<ExplainOutcome> {
    if route.state != domain::TunnelState::Paused {
        return None;
    }
    telling.say(ExplainAbout::Backend, false, format!("the tunnel {} is paused", route.address.subdomain));
    Some(failure(&Problem::tunnel_paused(), Vec::new()))
}

fn failure(problem: &Problem, candidates: Vec<ExplainCandidate>) -> ExplainOutcome {
    ExplainOutcome::Error {
        status: problem.status().as_u16(),
        code: problem.code().to_owned(),
        message: problem.message().to_owned(),
        candidates,
    }
}
