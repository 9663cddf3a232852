//! What is kept of the requests: the form, and what each choice means.

use super::place::{Place, level};
use crate::components::{
    choice::select,
    confirm::act,
    field::Field,
    form::{FormState, version},
};
use domain::{CaptureLevel, CaptureSettings, Timestamp};
use leptos::prelude::*;

/// The names of the form's fields.
const FIELDS: [&str; 8] = [
    "level",
    "body_limit",
    "sample_percent",
    "keep_hours",
    "keep_mib",
    "redact_headers",
    "redact_query",
    "redact_json_paths",
];

const LEVELS: [(&str, &str); 4] = [
    ("off", "Nothing"),
    ("metadata", "Metadata: method, path, status, times, sizes, who asked and who answered"),
    ("headers", "Headers: also both heads as they were received"),
    ("bodies", "Headers and bodies: also bodies and messages, up to the limit"),
];

/// The settings in a line, and the form behind it. `keep`: what is to be chosen in it, unless more is kept already.
pub fn card(
    place: &Place,
    settings: &CaptureSettings,
    (keep, form): (Option<CaptureLevel>, &FormState),
    updated_at: Timestamp,
) -> AnyView {
    let chosen = keep.map_or(settings.level, |level| level.max(settings.level));
    view! {
        <details class="card disclosure capture" id="capture" open=form.is_refused() || keep.is_some()>
            <summary>
                <h2>"Capture"</h2>
                <span class="muted">" " {in_a_line(settings)}</span>
            </summary>
            {fields(place, settings, (chosen, form), updated_at)}
        </details>
    }
    .into_any()
}

fn in_a_line(settings: &CaptureSettings) -> String {
    if settings.level == CaptureLevel::Off {
        return "off: nothing is kept".into();
    }
    let sampled = match settings.sample_percent {
        100 => String::new(),
        percent => format!(" of {percent} % of them"),
    };
    let kept = match (settings.keep_hours, settings.keep_hours % 24) {
        (1, _) => "an hour".to_owned(),
        (24, _) => "a day".to_owned(),
        (hours, 0) => format!("{} days", hours / 24),
        (hours, _) => format!("{hours} hours"),
    };
    format!("{}{sampled}, for {kept}, up to {} MiB", level(settings.level).to_lowercase(), settings.keep_mib)
}

fn fields(
    place: &Place,
    settings: &CaptureSettings,
    (chosen, form): (CaptureLevel, &FormState),
    updated_at: Timestamp,
) -> AnyView {
    let redact = &settings.redact;
    let usual = act("reset_capture", vec![("of", place.key())], "As usual again", "for these settings");
    view! {
        <p class="field-hint">
            "What is kept is on this server only, and never slows a request. Masked before anything is stored, always: the values of Authorization, Proxy-Authorization, Cookie and Set-Cookie, and those of parameters and fields of forms that are called like a secret, such as access_token, api_key and password. Names are shown."
        </p>
        <form method="post" action="/web/action/set_capture" class="form form-wide" id="capture-form">
            {form.summary(&FIELDS)}
            <input type="hidden" name="of" value=place.key() />
            {version(updated_at)}
            {select(("capture", form), "level", "What is kept", &LEVELS, chosen.as_str())}
            <div class="fields-row">
                {Field::number("capture", "body_limit", "Body limit, bytes", 1_024, 8 * 1024 * 1024)
                    .required()
                    .value(settings.body_limit.to_string())
                    .hint("Of each body, 1 KiB to 8 MiB. The full size is told in any case.")
                    .state(form)
                    .view()}
                {Field::number("capture", "sample_percent", "Of how many in 100", 1, 100)
                    .required()
                    .value(settings.sample_percent.to_string())
                    .hint("100 keeps all of them.")
                    .state(form)
                    .view()}
            </div>
            <div class="fields-row">
                {Field::number("capture", "keep_hours", "Kept for, hours", 1, 2_160)
                    .required()
                    .value(settings.keep_hours.to_string())
                    .hint("Up to 90 days. Pinned ones stay.")
                    .state(form)
                    .view()}
                {Field::number("capture", "keep_mib", "Kept at most, MiB", 1, 10_240)
                    .required()
                    .value(settings.keep_mib.to_string())
                    .hint("As they are stored. The oldest go first.")
                    .state(form)
                    .view()}
            </div>
            <fieldset class="fields">
                <legend>"Masked besides"</legend>
                {Field::text("capture", "redact_headers", "Header names")
                    .lines(2)
                    .at_most(10_000)
                    .value(redact.headers.join("\n"))
                    .placeholder("X-Api-Key")
                    .hint("One a line.")
                    .state(form)
                    .view()}
                {Field::text("capture", "redact_query", "Query and form names")
                    .lines(2)
                    .at_most(10_000)
                    .value(redact.query.join("\n"))
                    .placeholder("token")
                    .hint("One a line.")
                    .state(form)
                    .view()}
                {Field::text("capture", "redact_json_paths", "JSON paths")
                    .lines(2)
                    .at_most(10_000)
                    .value(redact.json_paths.join("\n"))
                    .placeholder("user.password\n**.secret")
                    .hint("One a line: names joined by dots, * for any name or place, ** for any number of them.")
                    .state(form)
                    .view()}
            </fieldset>
            <button class="button button-primary">"Save"</button>
        </form>
        {usual}
    }
    .into_any()
}
