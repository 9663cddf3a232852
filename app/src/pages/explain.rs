//! "Why did I get this?": a URL, each decision about it, and who would serve.

use super::visit::Visit;
use crate::{
    components::{field::Field, notice, switching::rule_page, words},
    format,
};
use domain::{ExplainAbout, ExplainCandidate, ExplainOutcome, ExplainRequest, ExplainStep, Explanation, RuleId};
use leptos::prelude::*;
use std::net::IpAddr;

/// The longest URL that is looked at.
const MAX_URL: usize = 4_000;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Characters of the field for headers.
const MAX_HEADERS: u16 = 4_000;

/// What is asked, as the form says it.
struct Asked {
    url: String,
    method: Option<&'static str>,
    client: String,
    headers: String,
}

impl Asked {
    fn of(visit: &Visit) -> Self {
        let text = |name| visit.query.get_str(name).unwrap_or_default().trim().to_owned();
        let method = visit.query.get_str("method");
        Self {
            url: text("explain"),
            method: method.and_then(|method| METHODS.into_iter().find(|known| *known == method)),
            client: text("client"),
            headers: text("headers"),
        }
    }

    /// The request that is to be explained; `client` asks when the form names nobody else.
    fn request(&self, client: IpAddr) -> Result<ExplainRequest, String> {
        if self.url.len() > MAX_URL {
            return Err(format!("An address has at most {MAX_URL} characters."));
        }
        let client = match self.client.as_str() {
            "" => client,
            text => text.parse().map_err(|_| format!("{text} is no IP address; write 203.0.113.7 or 2001:db8::7."))?,
        };
        let lines = self.headers.lines().filter(|line| !line.trim().is_empty());
        let headers = lines.map(|line| ExplainRequest::header(line).map_err(|error| format!("{line}: {error}.")));
        Ok(ExplainRequest {
            url: self.url.clone(),
            method: self.method.map(str::to_owned),
            headers: headers.collect::<Result<_, _>>()?,
            client: Some(client),
        })
    }
}

/// The form, and the answer when the address holds a URL.
pub fn section(visit: &Visit) -> AnyView {
    let asked = Asked::of(visit);
    let answer = (!asked.url.is_empty()).then(|| answer(visit, &asked));
    let more = more(&asked);
    let Asked { url, method, .. } = asked;
    let options = METHODS.map(|name| {
        view! {
            <option value=name selected=Some(name) == method>
                {name}
            </option>
        }
    });
    view! {
        <section class="card" aria-labelledby="explain-title">
            <h2 id="explain-title">"Why did I get this?"</h2>
            <form method="get" action="/web/routes" class="filter explain-form">
                <div class="field">
                    <label for="explain-method">"Method"</label>
                    <select id="explain-method" name="method">
                        {options.into_iter().collect_view()}
                    </select>
                </div>
                <div class="field explain-url">
                    <label for="explain-url">"Address"</label>
                    <input
                        id="explain-url"
                        type="text"
                        name="explain"
                        value=url
                        required
                        maxlength=MAX_URL
                        inputmode="url"
                        autocapitalize="none"
                        spellcheck="false"
                        placeholder="https://app.example.com/api/users?id=1"
                    />
                </div>
                <button class="button">"Explain"</button>
                {more}
            </form>
            {answer}
        </section>
    }
    .into_any()
}

/// What most who ask need not say.
fn more(asked: &Asked) -> AnyView {
    let open = !(asked.client.is_empty() && asked.headers.is_empty());
    view! {
        <details class="explain-more" open=open>
            <summary>"From another address, with headers"</summary>
            <div class="form">
                {Field::text("explain", "client", "Client's address")
                    .at_most(45)
                    .placeholder("203.0.113.7")
                    .value(asked.client.clone())
                    .hint("An IP address; yours when it is empty.")
                    .view()}
                {Field::text("explain", "headers", "Headers")
                    .lines(3)
                    .at_most(MAX_HEADERS)
                    .placeholder("Cookie: switchboard_backend=…")
                    .value(asked.headers.clone())
                    .hint("One a line, as Name: value. They matter where a cookie or a header ties clients to backends.")
                    .view()}
            </div>
        </details>
    }
    .into_any()
}

fn answer(visit: &Visit, asked: &Asked) -> AnyView {
    let Some(engine) = visit.services.engine() else {
        return notice::error("This process carries no requests, so it cannot explain them.".into());
    };
    let request = match asked.request(visit.request.client) {
        Ok(request) => request,
        Err(error) => return notice::error(error),
    };
    match engine.explain(&visit.viewer, &request) {
        Ok(explanation) => explained(&explanation),
        Err(error) => notice::error(format!("{error}.")),
    }
}

fn explained(explanation: &Explanation) -> AnyView {
    let Explanation { host, path, steps, outcome } = explanation;
    let candidates = candidates(outcome);
    // Where the table tells of each backend, the list need not.
    let told = |step: &&ExplainStep| candidates.is_none() || step.about != ExplainAbout::Backend;
    let steps = steps.iter().filter(told).map(step).collect_view();
    view! {
        <div class="explanation">
            {outcome_of(outcome)}
            <p class="muted">"Compared as " <span class="mono">{host.clone()} {path.clone()}</span></p>
            <ol class="decisions">{steps}</ol>
            {candidates}
        </div>
    }
    .into_any()
}

fn step(step: &ExplainStep) -> AnyView {
    let (class, word) = if step.yes { ("decision decision-yes", "yes") } else { ("decision decision-no", "no") };
    view! {
        <li class=class>
            <span class="decision-about">{step.about.as_str()}</span>
            <span class="visually-hidden">{word} ": "</span>
            <span>{step.text.clone()}</span>
        </li>
    }
    .into_any()
}

fn by(rule: RuleId) -> AnyView {
    let words = match rule {
        RuleId::Domain(_) => "by its domain",
        RuleId::Route(_) => "by a route",
    };
    view! { <a href=rule_page(rule)>{words}</a> }.into_any()
}

fn outcome_of(outcome: &ExplainOutcome) -> AnyView {
    let (class, content) = match outcome {
        ExplainOutcome::Dashboard => {
            ("notice", view! { <p><strong>"The dashboard or the API answers."</strong></p> }.into_any())
        }
        ExplainOutcome::SomeoneElses => (
            "notice",
            view! { <p><strong>"It belongs to somebody else."</strong> " Nothing more can be told."</p> }.into_any(),
        ),
        ExplainOutcome::Error { status, code, message, .. } => (
            "notice notice-error",
            view! {
                <p>
                    <strong>"It is answered with " {*status} "."</strong>
                    " "
                    {message.clone()}
                    " "
                    <code>{code.clone()}</code>
                </p>
            }
            .into_any(),
        ),
        ExplainOutcome::Redirect { status, location, rule } => (
            "notice notice-done",
            view! {
                <p>
                    <strong>"The client is sent elsewhere"</strong>
                    " "
                    {by(*rule)}
                    ", with "
                    {*status}
                    ": "
                    <span class="mono">{location.clone()}</span>
                </p>
            }
            .into_any(),
        ),
        ExplainOutcome::Tunnel { id, sessions, rule, target } => {
            let class = if *sessions == 0 { "notice notice-warning" } else { "notice notice-done" };
            let who = match sessions {
                0 => "none is connected now".to_owned(),
                1 => "one is connected".to_owned(),
                more => format!("{more} are connected"),
            };
            let content = view! {
                <p>
                    <strong>"A telephone of " <a href=format!("/web/tunnels/{id}")>"this tunnel"</a> " answers"</strong>
                    " ("
                    {who}
                    ")"
                    {rule.map(|rule| view! { ", led there " {by(rule)} })}
                    ". It gets "
                    <span class="mono">{target.clone()}</span>
                    "."
                </p>
            };
            (class, content.into_any())
        }
        ExplainOutcome::Service { id, name, tag, rule, target, .. } => (
            "notice notice-done",
            view! {
                <p>
                    <strong>
                        "A backend of " <a href=format!("/web/services/{id}")>{name.clone()}</a> " answers"
                    </strong>
                    ", "
                    {tag.as_ref().map(|tag| view! { "with the tag " {words::one_tag(tag)} ", " })}
                    "led there "
                    {by(*rule)}
                    ". It gets "
                    <span class="mono">{target.clone()}</span>
                    "."
                </p>
            }
            .into_any(),
        ),
    };
    view! { <div class=class role="status">{content}</div> }.into_any()
}

fn candidates(outcome: &ExplainOutcome) -> Option<AnyView> {
    let (ExplainOutcome::Service { candidates, .. } | ExplainOutcome::Error { candidates, .. }) = outcome else {
        return None;
    };
    if candidates.is_empty() {
        return None;
    }
    Some(
        view! {
            <div class="table-frame">
                <table class="table">
                    <caption class="visually-hidden">"Backends that might serve"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Backend"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Health"</th>
                            <th scope="col" class="number">"In flight"</th>
                            <th scope="col" class="number">"Weight"</th>
                            <th scope="col">"Why"</th>
                        </tr>
                    </thead>
                    <tbody>{candidates.iter().map(candidate).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any(),
    )
}

fn candidate(candidate: &ExplainCandidate) -> AnyView {
    let chosen = candidate.chosen.then(|| view! { <span class="badge badge-online">"Chosen"</span> });
    // Beside the badge the word need not be said again.
    let why = candidate.reason.trim_start_matches("chosen").trim_start_matches([',', ' ']).to_owned();
    let region = candidate.region.as_ref().map(|region| format!(" in {region}"));
    view! {
        <tr>
            <td data-label="Backend" class="cell-title">
                <span class="strong">{candidate.id.to_string()}</span>
                <div class="field-hint">
                    <span class="mono">{candidate.origin.clone()}</span>
                    {region}
                </div>
            </td>
            <td data-label="State">{words::state(candidate.state)}</td>
            <td data-label="Health">{words::health(candidate.health, candidate.ejected)}</td>
            <td data-label="In flight" class="number">
                {format::count(u64::from(candidate.in_flight))}
            </td>
            <td data-label="Weight" class="number">
                {candidate.weight}
            </td>
            <td data-label="Why">
                <span>{chosen} " " {why}</span>
            </td>
        </tr>
    }
    .into_any()
}
