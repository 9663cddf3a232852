//! What was entered into a form with many fields.

use super::invalid;
use crate::{destination::Destination, query::DRAFT, ssr};
use ::domain::DraftId;
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Expected, Fields};
use std::{fmt::Display, str::FromStr};

/// The longest address that a form comes back with, bytes: servers and proxies refuse much longer ones. What does not fit is
/// kept elsewhere.
const MAX_ADDRESS: usize = 7_000;

/// What the address says about the form itself, which its fields must not overrule.
const OUR_OWN: [&str; 10] = ["id", "form", "error", "field", "wait", "done", "undo", "cursor", "range", "version"];

/// What must not come back at all.
const SECRET: [&str; 1] = ["basic_users"];

/// What may be secret, and so is not in the address it comes back by, which is stored and shown in many places.
const SEALED: [&str; 5] = ["replay_body", "replay_headers", "request_headers", "response_headers", "webhook"];

/// The fields of a form, by their names. A box that is not ticked is not among them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entered(Fields);

impl Entered {
    /// What was entered; empty when nothing was.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The same with the spaces around it.
    pub fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What was entered, if anything.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The fields whose names begin so: what follows in the name, and what was entered.
    pub fn beginning(&self, start: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, text)| Some((name.strip_prefix(start)?, text.trim())))
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What was entered, as what it has to be.
    pub fn value<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, CoreError> {
        self.text(name).parse().map_err(|error| invalid(name, error))
    }

    /// The same for a field that may be left empty.
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, CoreError> {
        self.filled(name).map(|_| self.value(name)).transpose()
    }

    /// What the form was made of.
    pub fn expected(&self) -> Expected {
        super::expected(self.text("version"))
    }

    /// The page with the form. When it is refused, the form then shows again what was entered: what is short and no secret
    /// from the address, and the rest from where it is kept for who has entered it.
    pub async fn back<T>(&self, page: Destination, form: &str, result: &Result<T, CoreError>) -> Destination {
        let page = page.with("form", form);
        if result.is_ok() {
            return page;
        }
        let shown = |name: &str| !OUR_OWN.contains(&name) && !SECRET.contains(&name) && name != DRAFT;
        let mut apart = Fields::new();
        let mut back = page;
        for (name, text) in self.0.iter().filter(|(name, text)| shown(name) && !text.is_empty()) {
            let longer = back.clone().with(name, text);
            if SEALED.contains(&name.as_str()) || longer.as_str().len() > MAX_ADDRESS {
                apart.insert(name.clone(), text.clone());
            } else {
                back = longer;
            }
        }
        if apart.is_empty() {
            return back;
        }
        match keep(&apart).await {
            Some(draft) => back.with(DRAFT, &draft.to_string()),
            None => back,
        }
    }
}

/// Keeps what is not for an address; what for.
async fn keep(fields: &Fields) -> Option<DraftId> {
    let (services, viewer) = (ssr::services()?, ssr::request()?.viewer?);
    match services.drafts().keep(&viewer, fields).await {
        Ok(draft) => draft,
        Err(error) => {
            tracing::warn!(cause = error.cause(), "a form comes back without all that was entered: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use futures_util::FutureExt;

    fn entered(pairs: &[(&str, &str)]) -> Entered {
        Entered(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    fn back(form: &Entered) -> Destination {
        let refused = Err::<(), _>(CoreError::NotFound("route"));
        form.back(Destination::page("/web/routes"), "create", &refused).now_or_never().unwrap()
    }

    #[test]
    fn a_form_comes_back_with_what_was_entered_and_nothing_of_ours() {
        let form = entered(&[
            ("mount", "/a b"),
            ("error", "hacked"),
            ("id", "x"),
            ("strip_prefix", "on"),
            ("tag", ""),
            ("basic_users", "a: secret"),
            ("webhook", "https://hooks.example.com/secret"),
            ("draft", "x"),
        ]);
        let page = back(&form);
        assert_eq!(page.as_str(), "/web/routes?form=create&mount=%2Fa+b&strip_prefix=on");
        assert!(form.ticked("strip_prefix") && !form.ticked("enabled"));
    }

    #[test]
    fn what_is_too_long_for_an_address_is_not_in_it() {
        let long = "x".repeat(8_000);
        let page = back(&entered(&[("headers", &long), ("mount", "/a")]));
        assert_eq!(page.as_str(), "/web/routes?form=create&mount=%2Fa");
    }

    #[test]
    fn values_say_which_field_is_wrong() {
        let form = entered(&[("weight", "many")]);
        assert!(matches!(form.value::<u16>("weight"), Err(CoreError::Invalid { field: "weight", .. })));
        assert!(matches!(form.optional::<u16>("region"), Ok(None)));
    }
}
