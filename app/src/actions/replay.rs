//! Sending a captured request again.

use super::{entered::Entered, finish_as, invalid, request::exchange, signed_in};
use crate::{
    destination::Destination,
    pages::{REPLAY_FORM, page_of, replay_target},
};
use domain::{Exchange, ExchangeSummary, Party, ReplayBody, ReplayField, ReplayRequest, Replayed, RequestId};
use leptos::prelude::*;
use server_core::{CoreError, Inspected, Services, Viewer};

/// The largest body that is compared with the one that was shown, bytes.
const MOST_SHOWN: usize = 64 * 1024;

/// Sends a request again, as the form says.
#[server(name = SendAgain, prefix = "/web/action", endpoint = "replay_request")]
pub async fn replay_request(
    #[server(default)] of: String,
    #[server(default)] id: String,
    #[server(default)] back: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Ok((of, id, back)) = exchange(&of, &id, &back) else { return Ok(()) };
    let Some((services, _, viewer)) = signed_in(&back) else { return Ok(()) };
    let result = send(&services, &viewer, of, id, &form).await;
    let refused = form.back(back.clone(), REPLAY_FORM, &result).await;
    finish_as(result, |replayed| after(of, &replayed, back.clone()), refused, words);
    Ok(())
}

async fn send(
    services: &Services,
    viewer: &Viewer,
    of: Inspected,
    id: RequestId,
    form: &Entered,
) -> Result<Replayed, CoreError> {
    let original = services.inspector().get(viewer, of, id).await?;
    let entered = form.raw("replay_body");
    let body = match form.text("replay_body_is") {
        "kept" => None,
        "shown" => changed(services, viewer, of, &original, entered).await?,
        "none" => Some(String::new()),
        // Nobody has chosen that there be none.
        "instead" if entered.is_empty() => None,
        _ => Some(with_line_feeds(entered)),
    };
    let mut headers = headers(form.raw("replay_headers"))?;
    if body.is_some() {
        // A text is not encoded as the body was.
        let encoding = original.request_body.content_encoding.as_deref();
        headers.retain(|field| {
            !(field.name.eq_ignore_ascii_case("content-encoding") && Some(field.value.as_str()) == encoding)
        });
    }
    let to = form
        .filled("replay_to")
        .map(|to| replay_target(to).ok_or_else(|| invalid("replay_to", "there is no such target")));
    let wish = ReplayRequest {
        method: Some(form.text("replay_method").to_owned()),
        path: Some(form.text("replay_path").to_owned()),
        headers: Some(headers),
        body: body.map(ReplayBody::Text),
        to: to.transpose()?,
        times: form.value("replay_times")?,
        ..ReplayRequest::default()
    };
    services.replay(viewer, of, id, &wish).await
}

/// The body that was entered, unless it is the one that was there. Browsers write the ends of lines in their own way.
async fn changed(
    services: &Services,
    viewer: &Viewer,
    of: Inspected,
    original: &Exchange,
    entered: &str,
) -> Result<Option<String>, CoreError> {
    let stored = services.inspector().body(viewer, of, original.summary.id, Party::Client).await?;
    let before = stored.as_ref().map(|body| body.decoded(MOST_SHOWN).0).unwrap_or_default();
    let before = String::from_utf8_lossy(&before);
    let entered = with_line_feeds(entered);
    if entered == with_line_feeds(&before) {
        return Ok(None);
    }
    Ok(Some(if before.contains("\r\n") { entered.replace('\n', "\r\n") } else { entered }))
}

fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn headers(text: &str) -> Result<Vec<ReplayField>, CoreError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let field = |line: &str| {
        let (name, value) =
            line.split_once(':').ok_or_else(|| invalid("replay_headers", "each line is Name: value"))?;
        Ok(ReplayField { name: name.trim().to_owned(), value: value.trim().to_owned(), masked: false })
    };
    lines.map(field).collect()
}

/// The page of what has come of it: that of the new exchange, or the original's with all of them.
fn after(of: Inspected, replayed: &Replayed, back: Destination) -> Destination {
    let without = !replayed.left_out.is_empty();
    let done = if without { "replayed_without" } else { "replayed" };
    match &replayed.exchanges[..] {
        [only] => match &only.exchange {
            Some(exchange) => page_of(home(of, exchange)).with("selected", &exchange.id.to_string()).with("done", done),
            None => back.with("done", "replay_not_recorded"),
        },
        _ => back.with("done", done),
    }
}

/// Where a new exchange is shown: beside the original, if it came by the same.
fn home(of: Inspected, exchange: &ExchangeSummary) -> Inspected {
    let same = match of {
        Inspected::Tunnel(id) => exchange.tunnel == Some(id),
        Inspected::Rule(id) => exchange.rule == Some(id),
    };
    match (exchange.rule, exchange.tunnel) {
        _ if same => of,
        (Some(rule), _) => Inspected::Rule(rule),
        (None, Some(tunnel)) => Inspected::Tunnel(tunnel),
        (None, None) => of,
    }
}

/// What the form calls some errors.
fn words(error: &CoreError) -> Option<(&'static str, &'static str)> {
    Some(match error {
        CoreError::Invalid { field: "method", .. } => ("invalid", "replay_method"),
        CoreError::Invalid { field: "path", .. } => ("invalid", "replay_path"),
        CoreError::Invalid { field: "headers", .. } => ("invalid", "replay_headers"),
        CoreError::Invalid { field: "times", .. } => ("invalid", "replay_times"),
        CoreError::Unusable { code: "no_service", .. } => ("no_service", "replay_to"),
        CoreError::Conflict { code: "replay_nowhere", .. } => ("replay_nowhere", "replay_to"),
        CoreError::NotFound(what) if *what != "exchange" => ("replay_not_yours", "replay_to"),
        CoreError::Conflict { code: "body_not_whole", .. } => ("body_not_whole", "replay_body"),
        _ => return None,
    })
}
