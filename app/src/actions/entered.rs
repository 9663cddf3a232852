//! What was entered into a form with many fields.

use super::invalid;
use crate::{destination::Destination, query::SEALED as SEALED_AS, ssr};
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Expected};
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// The longest address that a form comes back with, bytes: servers and proxies refuse much longer ones.
const MAX_ADDRESS: usize = 7_000;

/// What the address says about the form itself, which its fields must not overrule.
const OUR_OWN: [&str; 10] = ["id", "form", "error", "field", "wait", "done", "undo", "cursor", "range", "version"];

/// What must not come back at all.
const SECRET: [&str; 1] = ["basic_users"];

/// What may be secret, and so comes back encrypted: an address is stored and shown in many places.
const SEALED: [&str; 5] = ["replay_body", "replay_headers", "request_headers", "response_headers", "webhook"];

/// The fields of a form, by their names. A box that is not ticked is not among them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entered(BTreeMap<String, String>);

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

    /// The page with the form, which then shows again what was entered, as far as it fits an address.
    pub fn back(&self, page: Destination, form: &str) -> Destination {
        let kept = |name: &str| !OUR_OWN.contains(&name) && !SECRET.contains(&name) && name != SEALED_AS;
        let fields = self.0.iter().filter(|(name, text)| kept(name) && !text.is_empty());
        fields.fold(page.with("form", form), |page, (name, text)| {
            let longer = if SEALED.contains(&name.as_str()) {
                let Some(sealed) = seal(name, text) else { return page };
                page.clone().with(SEALED_AS, &sealed)
            } else {
                page.clone().with(name, text)
            };
            if longer.as_str().len() <= MAX_ADDRESS { longer } else { page }
        })
    }
}

/// A field for an address, which tells only who has entered it what it was.
fn seal(name: &str, text: &str) -> Option<String> {
    let (services, viewer) = (ssr::services()?, ssr::request()?.viewer?);
    match services.drafts().keep(&viewer, name, text) {
        Ok(sealed) => Some(sealed),
        Err(error) => {
            tracing::warn!(cause = error.cause(), field = name, "a form comes back without a field: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(pairs: &[(&str, &str)]) -> Entered {
        Entered(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
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
            ("sealed", "x"),
        ]);
        let page = form.back(Destination::page("/web/routes"), "create");
        assert_eq!(page.as_str(), "/web/routes?form=create&mount=%2Fa+b&strip_prefix=on");
        assert!(form.ticked("strip_prefix") && !form.ticked("enabled"));
    }

    #[test]
    fn what_is_too_long_for_an_address_is_left_out() {
        let long = "x".repeat(8_000);
        let page = entered(&[("headers", &long), ("mount", "/a")]).back(Destination::page("/web/routes"), "create");
        assert_eq!(page.as_str(), "/web/routes?form=create&mount=%2Fa");
    }

    #[test]
    fn values_say_which_field_is_wrong() {
        let form = entered(&[("weight", "many")]);
        assert!(matches!(form.value::<u16>("weight"), Err(CoreError::Invalid { field: "weight", .. })));
        assert!(matches!(form.optional::<u16>("region"), Ok(None)));
    }
}
