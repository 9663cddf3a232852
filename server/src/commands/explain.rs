//! `switchboard explain`

use clap::Args;
use domain::{ExplainCandidate, ExplainOutcome, ExplainRequest, Explanation, HealthStatus, RuleId};
use server_core::{CoreError, Services};
use std::{fmt::Write as _, net::IpAddr};

use super::{Failure, block_on, exit, open, output};
use crate::{config::Config, routing::Question, wiring::Engine};

/// What only the server that runs can tell.
const UNKNOWN_HERE: &str = "\
Backends that are checked were asked just now, once. Which telephones are connected, and what a server has found in
checks and requests before, is known to itself only: there, POST /api/v1/routes/explain and the page /web/routes tell that.
";

/// A request to be explained; it is not sent.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// What is asked for, such as http://app.example.com/shop
    url: String,
    /// With which method
    #[arg(long)]
    method: Option<String>,
    /// With which header field; can be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = ExplainRequest::header)]
    headers: Vec<(String, String)>,
    /// From which address
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// As JSON, like the API's answer
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: ExplainArguments, config: &Config) -> Result<(), Failure> {
    let ExplainArguments { url, method, headers, client, json } = arguments;
    let request = ExplainRequest { url, method, headers: headers.into_iter().collect(), client };
    let explanation = block_on(async {
        let services = open::services(config).await?;
        let explained = explain(&services, config, &request).await;
        services.close().await;
        Ok(explained?)
    })?;
    if json {
        let text = serde_json::to_string_pretty(&explanation);
        let text = text.map_err(|error| Failure::new(exit::FAILED, format!("JSON cannot be written: {error}")))?;
        return output::write(&(text + "\n"));
    }
    output::write(&readable(&request.url, &explanation))
}

/// Asks a table like that of a server with these settings, as an administrator would, and the backends it comes to how they are.
async fn explain(services: &Services, config: &Config, request: &ExplainRequest) -> Result<Explanation, CoreError> {
    let question = Question::new(request)?;
    let public_url = config.addresses.public_url(config.addresses.listen);
    let engine = Engine::load(config, services, &public_url).await?;
    let limits = engine.routing.backends().limits();
    let explain = || engine.routing.table().explain(&question, limits, |_| true);
    let asked = candidates(&explain().outcome).iter().map(|candidate| candidate.key).collect();
    engine.checks.ask_once(&asked).await;
    Ok(explain())
}

// Writing to a `String` does not fail, hence the results that nobody looks at.

fn readable(url: &str, explanation: &Explanation) -> String {
    let mut text = format!("{url}\n");
    for step in &explanation.steps {
        let sign = if step.yes { '+' } else { '-' };
        let _ = writeln!(text, "  {:<8}{sign} {}", step.about.as_str(), step.text);
    }
    let _ = writeln!(text, "\n{}", outcome(&explanation.outcome));
    for candidate in candidates(&explanation.outcome) {
        let _ = writeln!(text, "{}", line(candidate));
    }
    let _ = write!(text, "\n{UNKNOWN_HERE}");
    text
}

fn outcome(outcome: &ExplainOutcome) -> String {
    match outcome {
        ExplainOutcome::Dashboard => "The dashboard, the API or the tunnel endpoint answers.".to_owned(),
        ExplainOutcome::SomeoneElses => "It is somebody else's.".to_owned(),
        ExplainOutcome::Error { status, code, message, .. } => {
            format!("The answer is the error {status}, {message} ({code}).")
        }
        ExplainOutcome::Redirect { status, location, rule } => {
            format!("The client is sent to {location} with {status}, by the {}.", name(rule))
        }
        ExplainOutcome::Tunnel { id, rule, target, .. } => {
            let by = rule.as_ref().map(|rule| format!(", by the {}", name(rule))).unwrap_or_default();
            format!("A telephone of the tunnel {id} is asked for {target}{by}.")
        }
        ExplainOutcome::Service { name: service, tag, rule, target, .. } => {
            let tag = tag.as_ref().map(|tag| format!(" with the tag {tag}")).unwrap_or_default();
            format!("A backend of the service {service}{tag} is asked for {target}, by the {}.", name(rule))
        }
    }
}

fn name(rule: &RuleId) -> String {
    match rule {
        RuleId::Domain(id) => format!("domain {id}"),
        RuleId::Route(id) => format!("route {id}"),
    }
}

fn candidates(outcome: &ExplainOutcome) -> &[ExplainCandidate] {
    match outcome {
        ExplainOutcome::Error { candidates, .. } | ExplainOutcome::Service { candidates, .. } => candidates,
        _ => &[],
    }
}

fn line(candidate: &ExplainCandidate) -> String {
    let ExplainCandidate { id, origin, state, health, region, weight, chosen, reason, .. } = candidate;
    let sign = if *chosen { '>' } else { ' ' };
    let region = region.as_ref().map(|region| format!(", region {region}")).unwrap_or_default();
    let health = match health {
        HealthStatus::Unknown => String::new(),
        known => format!(", {}", known.as_str()),
    };
    format!("  {sign} {id}  {origin}  {}{health}, weight {weight}{region}: {reason}", state.as_str())
}
