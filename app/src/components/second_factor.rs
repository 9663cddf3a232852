//! Setting a second factor up: the seed for an app, and the field for a code.

use crate::components::{command::copyable, field::Field, form::FormState, qr::qr_code};
use leptos::prelude::*;
use server_core::{Enrolment, RecoveryCodes};

/// The seed as a picture and as text.
pub fn seed(enrolment: &Enrolment) -> AnyView {
    let grouped: Vec<String> =
        enrolment.seed.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    view! {
        <p>"Scan this with an app for one-time passwords on your phone."</p>
        {qr_code(&enrolment.url, "QR code with the seed")}
        <p>"Or enter the seed by hand:"</p>
        {copyable(grouped.join(" "), "seed")}
    }
    .into_any()
}

/// The field for a code.
pub fn code(form: &str, label: &'static str, state: &FormState) -> Field {
    Field::text(form, "code", label).required().at_most(32).one_time().state(state)
}

/// New recovery codes, this once.
pub fn codes(codes: &RecoveryCodes) -> AnyView {
    let list = codes.expose().join("\n");
    view! {
        <section class="card card-accent" aria-labelledby="codes-title">
            <h2 id="codes-title">"Recovery codes, shown this once"</h2>
            <p>"When you have lost the app, each of these signs you in once. Keep them where the telephone is not."</p>
            {copyable(list, "codes")}
        </section>
    }
    .into_any()
}

/// In place of codes that were shown already.
pub fn codes_gone() -> AnyView {
    view! {
        <p class="notice notice-warning">
            "The recovery codes were shown once and are not kept. If you did not copy them, make new ones below."
        </p>
    }
    .into_any()
}
