//! How the owner of a domain shows that it is theirs.

use crate::{components::command::copyable, islands::TimeAgo};
use domain::{Domain, Verification};
use leptos::prelude::*;

/// What is known of it.
pub fn badge(domain: &Domain) -> AnyView {
    let (class, text) = match (domain.deleted_at.is_some(), domain.verified) {
        (true, _) => ("badge badge-deleted", "Deleted"),
        (false, true) => ("badge badge-online", "Verified"),
        (false, false) => ("badge badge-waiting", "Waiting for DNS"),
    };
    view! { <span class=class>{text}</span> }.into_any()
}

/// When it was last looked at, and what was found.
pub fn last_check(proof: &Verification) -> AnyView {
    let Some(at) = proof.checked_at else {
        return view! { <p class="muted">"Not looked at yet."</p> }.into_any();
    };
    let found = proof.error.clone().map(|text| view! { ": " {text} });
    view! { <p>"Last looked at " <TimeAgo at /> {found} "."</p> }.into_any()
}

/// The record or the file to set, to be copied.
pub fn how(proof: &Verification) -> AnyView {
    let file = proof.url.clone().map(|url| {
        let token = url.rsplit('/').next().unwrap_or_default().to_owned();
        view! {
            <p>"Or let this address answer with the text below it:"</p>
            {copyable(url, "address of the file")}
            {copyable(token, "content of the file")}
        }
    });
    view! {
        <p>"Add a TXT record to your DNS. Its name and its value:"</p>
        {copyable(proof.record.clone(), "name of the record")}
        {copyable(proof.value.clone(), "value of the record")}
        {file}
    }
    .into_any()
}
