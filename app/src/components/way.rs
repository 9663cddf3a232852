//! The part of a form about what is changed on the way: headers and the host.

use crate::{
    actions::in_lines,
    components::{field::Field, form::FormState},
};
use domain::{HeaderRules, HostRewrite};
use leptos::prelude::*;

/// The names of its fields, for [`FormState::summary`].
pub const FIELDS: [&str; 3] = ["request_headers", "response_headers", "host_rewrite"];

/// The fields, folded away unless something is changed already or one of them was refused.
pub fn fields(form: &'static str, state: &FormState, headers: &HeaderRules, host: Option<&HostRewrite>) -> AnyView {
    let refused = FIELDS.iter().any(|name| state.error_of(name).is_some() || state.value(name).is_some());
    let is_open = refused || !headers.is_empty() || host.is_some();
    view! {
        <details open=is_open>
            <summary>"Headers and host"</summary>
            <div class="fields">
                {Field::text(form, "request_headers", "Changes of requests")
                    .lines(3)
                    .at_most(8_192)
                    .value(in_lines(headers.request()))
                    .placeholder("X-Team: shop\n-Cookie")
                    .hint("One a line: “Name: value” sets a header, “-Name” takes it out. Values of Authorization, Cookie and the like are shown to nobody again: ******** stands for what was written.")
                    .state(state)
                    .view()}
                {Field::text(form, "response_headers", "Changes of answers")
                    .lines(3)
                    .at_most(8_192)
                    .value(in_lines(headers.response()))
                    .placeholder("Strict-Transport-Security: max-age=31536000\n-Server")
                    .hint("The same way.")
                    .state(state)
                    .view()}
                {Field::text(form, "host_rewrite", "Host that the backend is told")
                    .at_most(260)
                    .value(host.map(ToString::to_string).unwrap_or_default())
                    .placeholder("app.internal")
                    .hint("Empty: the host that was asked for. {backend}: that of the backend's address.")
                    .state(state)
                    .view()}
            </div>
        </details>
    }
    .into_any()
}
