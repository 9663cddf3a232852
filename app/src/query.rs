//! What an address asks for.

use ::domain::DraftId;
use server_core::{CoreError, Services, Viewer};
use url::form_urlencoded;

/// Names what was entered into a form and is not in the address itself, see [`Drafts`](server_core::Drafts).
pub const DRAFT: &str = "draft";

/// The parameters of an address, decoded once. The router's own map decodes values twice, and so takes apart what one of
/// them holds: an address to go on to, or a text with a `%` in it.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// What stands behind the `?`.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// With what was entered into a form and is kept elsewhere.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`.
    pub async fn with_draft(mut self, services: &Services, viewer: &Viewer) -> Result<Self, CoreError> {
        if let Some(draft) = self.get_str(DRAFT).and_then(|id| id.parse::<DraftId>().ok()) {
            self.0.extend(services.drafts().read(viewer, draft).await?);
        }
        Ok(self)
    }

    /// The value of a parameter; the last, where there are several.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The same to keep.
    pub fn get(&self, name: &str) -> Option<String> {
        self.get_str(name).map(str::to_owned)
    }

    /// All names with their values, as they stand there.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
impl<'a> FromIterator<(&'a str, String)> for Query {
    fn from_iter<P: IntoIterator<Item = (&'a str, String)>>(pairs: P) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::Destination;

    #[test]
    fn a_value_is_what_was_written() {
        for text in ["/web/tunnels?q=100%25&status=online", "%2526", "a+b c", "ä & ü", "%zz", ""] {
            let address = Destination::page("/web/login").with("next", text);
            let (_, query) = address.as_str().split_once('?').unwrap_or_default();
            assert_eq!(Query::parse(query).get_str("next"), Some(text));
        }
    }

    #[test]
    fn of_several_values_the_last_counts() {
        let query = Query::parse("a=1&b&a=2");
        assert_eq!((query.get_str("a"), query.get_str("b"), query.get("c")), (Some("2"), Some(""), None));
        assert_eq!(query.iter().count(), 3);
    }
}
