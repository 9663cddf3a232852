//! Tags: labels on backends, by which a domain or route chooses who serves it.

use crate::schema::written_as;
use crate::text::{is_plain_name, text_type};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, str::FromStr};

/// A label on backends: 1 to 64 letters, digits and inner `.`, `_`, `-`; upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// Why a text is not accepted as a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 64 letters, digits, dots, underscores and hyphens, and starts with a letter or digit")]
pub struct TagError;

text_type!(Tag, TagError);

impl Tag {
    /// The one that is enabled where a telephone announces something new and names none.
    pub fn default_tag() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let text = text.trim();
        if is_plain_name(text, 64) { Ok(Self(text.to_owned())) } else { Err(TagError) }
    }
}

/// The tags of one backend: at most 16, sorted, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<Tag>", into = "BTreeSet<Tag>")]
pub struct Tags(BTreeSet<Tag>);

/// More tags than a backend may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backend has at most {} tags", Tags::MOST)]
pub struct TooManyTags;

impl Tags {
    /// How many tags a backend may have.
    pub const MOST: usize = 16;

    /// Whether the backend carries this tag.
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.contains(tag)
    }

    /// The tags, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeSet<Tag>> for Tags {
    type Error = TooManyTags;

    fn try_from(tags: BTreeSet<Tag>) -> Result<Self, TooManyTags> {
        if tags.len() > Self::MOST { Err(TooManyTags) } else { Ok(Self(tags)) }
    }
}

impl From<Tags> for BTreeSet<Tag> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

written_as!(Tags, BTreeSet<Tag>, "The tags of a backend.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_tag_is_a_plain_name() {
        for text in ["v1", "blue", "Release-2026.11_a", &"x".repeat(64)] {
            assert_eq!(text.parse::<Tag>().unwrap().as_str(), text);
        }
        for text in ["", "-a", ".a", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(text.parse::<Tag>(), Err(TagError), "{text:?}");
        }
    }

    #[test]
    fn a_backend_has_so_many_tags() {
        let json = |n: usize| serde_json::to_string(&(0..n).map(|n| format!("t{n}")).collect::<Vec<_>>()).unwrap();
        assert_eq!(serde_json::from_str::<Tags>(&json(16)).unwrap().iter().count(), 16);
        assert!(serde_json::from_str::<Tags>(&json(17)).unwrap_err().to_string().contains("at most 16"));
    }
}
