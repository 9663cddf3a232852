//! A form that comes back: what was wrong with it, and what had been entered.

use crate::{components::notice, messages, query::Query};
use domain::Timestamp;
use leptos::prelude::*;

/// What the address says about one form of the page.
#[derive(Debug, Clone, Default)]
pub struct FormState {
    error: Option<String>,
    field: Option<String>,
    values: Query,
}

impl FormState {
    /// The state of the form `name`; of the only one, which has no name in addresses, for `None`.
    pub fn of(query: &Query, name: Option<&str>) -> Self {
        if query.get_str("form") != name {
            return Self::default();
        }
        let field = query.get_str("field").map(str::to_owned);
        let value = field.as_deref().map(parameter).and_then(|name| query.get_str(name));
        let wait = query.get_str("wait").and_then(|wait| wait.parse().ok());
        let error = query.get_str("error").map(|code| messages::refusal(code, field.as_deref(), value, wait));
        Self { error, field, values: query.clone() }
    }

    /// The same with a better reason than the code in the address gives.
    pub fn because(self, reason: String) -> Self {
        Self { error: Some(reason), ..self }
    }

    /// Whether it was refused.
    pub fn is_refused(&self) -> bool {
        self.error.is_some()
    }

    /// What had been entered into a field.
    pub fn value(&self, name: &str) -> Option<String> {
        self.values.get(name)
    }

    /// The names of what had been entered, and of all else in the address.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name)
    }

    /// What is wrong with a field.
    pub fn error_of(&self, name: &str) -> Option<String> {
        (self.field.as_deref().map(parameter) == Some(name)).then(|| self.error.clone()).flatten()
    }

    /// What is wrong, where that is not said beside one of these fields.
    pub fn summary(&self, fields: &[&str]) -> Option<AnyView> {
        let beside_a_field = self.field.as_deref().map(parameter).is_some_and(|field| fields.contains(&field));
        self.error.clone().filter(|_| !beside_a_field).map(notice::error)
    }
}

/// What a form is made of, which it sends along: when that was changed meanwhile, it is refused.
pub fn version(updated_at: Timestamp) -> AnyView {
    view! { <input type="hidden" name="version" value=updated_at.timestamp_millis().to_string() /> }.into_any()
}

/// The form's name for a field that errors call otherwise.
fn parameter(field: &str) -> &str {
    match field {
        "token_name" => "name",
        "scope" => "subdomains",
        "expires_at" => "expires_in_days",
        "maintenance" => "retry_after_seconds",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&'static str, &str)]) -> Query {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    #[test]
    fn an_error_shows_beside_its_field_and_the_value_is_kept() {
        let query = query(&[("form", "create"), ("error", "invalid"), ("field", "token_name"), ("name", "")]);
        let form = FormState::of(&query, Some("create"));
        assert!(form.error_of("name").is_some_and(|text| text.starts_with("Enter a name")));
        assert_eq!(form.error_of("subdomains"), None);
        assert!(form.summary(&["name"]).is_none());
        assert!(form.summary(&["subdomains"]).is_some());
        assert!(!FormState::of(&query, Some("other")).is_refused());
        assert!(!FormState::of(&query, None).is_refused());
    }
}
