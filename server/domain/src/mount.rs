//! Where on a host a route begins.

use crate::percent;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The path at which a route is mounted: `/api` covers `/api` and everything under `/api/`, and not `/apix`.
///
/// It is kept in the one form in which paths are compared (RFC 3986 section 6.2.2): no slash at the end, unreserved
/// characters never percent-encoded, escapes in capitals. Two spellings of one path are therefore one value. Letters
/// keep their case, since paths differ by it.
///
/// `/` is a mount too. It covers every path, and so overlaps every other mount of the same host: it is of use where no
/// host is named, as a last resort. On a domain, the domain's own target does the same without being in the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct MountPath(String);

/// Why a text is not accepted as a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MountPathError {
    /// Nothing was given.
    #[error("enter a path such as /api")]
    Empty,
    /// No slash in front.
    #[error("a mount is a path on the host and begins with a slash, as in /api")]
    Relative,
    /// More than [`MountPath::MAX_LEN`].
    #[error("a mount has at most {} bytes, percent-encoded characters counted as they are written", MountPath::MAX_LEN)]
    TooLong,
    /// `?` or `#`.
    #[error("a mount is a path only: leave out the ? or # and what follows it")]
    Query,
    /// `//`.
    #[error("write one slash between two names, not several")]
    EmptySegment,
    /// `.` or `..`, which clients take out before they ask.
    #[error("a mount has no . or .. between its slashes: write out the path that is meant")]
    DotSegment,
    /// `/*`, as other systems write what here goes without saying.
    #[error("a mount covers everything under it: leave out the /*")]
    Star,
    /// `%` without two hexadecimal digits.
    #[error("two hexadecimal digits must follow a %, as in %20: write %25 for a % itself")]
    Escape,
    /// A character that RFC 3986 section 3.3 does not allow in a path.
    #[error("{0:?} cannot stand in a path as it is: write {escapes} for it", escapes = percent::escapes(*.0))]
    Character(char),
}

impl MountPath {
    /// The most bytes that a mount may have. It bounds how far into a path a lookup reads.
    pub const MAX_LEN: usize = 512;

    /// The mount as text, always with a slash in front and, but for `/` itself, never with one at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`, which covers every path.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// Whether a request for `path` is for this mount. `path` is taken to be normalised, as mounts are.
    pub fn covers(&self, path: &str) -> bool {
        let prefix = if self.is_root() { "" } else { self.as_str() };
        path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/') || rest.is_empty() && !path.is_empty())
    }

    /// Whether some path would be covered by both: they are the same, or one lies under the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(&other.0) || other.covers(&self.0)
    }
}

impl FromStr for MountPath {
    type Err = MountPathError;

    fn from_str(text: &str) -> Result<Self, MountPathError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(MountPathError::Empty);
        }
        let rest = text.strip_prefix('/').ok_or(MountPathError::Relative)?;
        if text.contains(['?', '#']) {
            return Err(MountPathError::Query);
        }
        if rest.is_empty() {
            return Ok(Self("/".to_owned()));
        }
        let mut path = String::with_capacity(text.len());
        for segment in rest.strip_suffix('/').unwrap_or(rest).split('/') {
            path.push('/');
            let start = path.len();
            push_segment(&mut path, segment)?;
            match &path[start..] {
                "" => return Err(MountPathError::EmptySegment),
                "." | ".." => return Err(MountPathError::DotSegment),
                "*" | "**" => return Err(MountPathError::Star),
                _ if path.len() > Self::MAX_LEN => return Err(MountPathError::TooLong),
                _ => {}
            }
        }
        Ok(Self(path))
    }
}

/// Appends one segment in the form in which it is compared.
fn push_segment(path: &mut String, segment: &str) -> Result<(), MountPathError> {
    let mut rest = segment;
    while let Some(character) = rest.chars().next() {
        let taken = match u8::try_from(character) {
            Ok(b'%') => {
                percent::push(path, percent::decode(rest.as_bytes()).ok_or(MountPathError::Escape)?);
                3
            }
            Ok(byte) if percent::is_segment_byte(byte) => {
                path.push(character);
                1
            }
            _ => return Err(MountPathError::Character(character)),
        };
        rest = &rest[taken..];
    }
    Ok(())
}

impl TryFrom<String> for MountPath {
    type Error = MountPathError;

    fn try_from(text: String) -> Result<Self, MountPathError> {
        text.parse()
    }
}

impl From<MountPath> for String {
    fn from(mount: MountPath) -> Self {
        mount.0
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mount(text: &str) -> MountPath {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_of_one_path_are_one_value() {
        for (text, kept) in [
            ("/", "/"),
            ("/api", "/api"),
            ("/api/", "/api"),
            (" /api ", "/api"),
            ("/%61pi", "/api"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
            ("/a/~b;c=1,(d)@e:f!", "/a/~b;c=1,(d)@e:f!"),
            ("/...", "/..."),
        ] {
            assert_eq!(text.parse::<MountPath>().map(String::from), Ok(kept.into()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_mount_is_refused() {
        for (text, error) in [
            ("", MountPathError::Empty),
            ("api", MountPathError::Relative),
            ("/a?b", MountPathError::Query),
            ("/a#b", MountPathError::Query),
            ("//", MountPathError::EmptySegment),
            ("/a//b", MountPathError::EmptySegment),
            ("/a//", MountPathError::EmptySegment),
            ("/.", MountPathError::DotSegment),
            ("/a/../b", MountPathError::DotSegment),
            ("/a/%2E%2e", MountPathError::DotSegment),
            ("/api/*", MountPathError::Star),
            ("/100%", MountPathError::Escape),
            ("/%g0", MountPathError::Escape),
            ("/a b", MountPathError::Character(' ')),
            ("/a\\b", MountPathError::Character('\\')),
            ("/é", MountPathError::Character('é')),
        ] {
            assert_eq!(text.parse::<MountPath>(), Err(error), "{text:?}");
        }
        assert_eq!(format!("/{}", "a".repeat(512)).parse::<MountPath>(), Err(MountPathError::TooLong));
        assert!(format!("/{}/", "a".repeat(511)).parse::<MountPath>().is_ok());
    }

    #[test]
    fn a_refused_character_comes_with_its_escape() {
        let error = "/café".parse::<MountPath>().unwrap_err();
        assert_eq!(error.to_string(), "'é' cannot stand in a path as it is: write %C3%A9 for it");
    }

    #[test]
    fn a_mount_covers_itself_and_what_lies_under_it() {
        for (path, covered) in
            [("/api", true), ("/api/", true), ("/api/x", true), ("/apix", false), ("/", false), ("", false)]
        {
            assert_eq!(mount("/api").covers(path), covered, "{path:?}");
        }
        for (path, covered) in [("/", true), ("/x", true), ("", false), ("*", false)] {
            assert_eq!(mount("/").covers(path), covered, "{path:?}");
        }
    }

    #[test]
    fn mounts_overlap_when_one_lies_under_the_other() {
        for (a, b, overlap) in [
            ("/api", "/api", true),
            ("/api", "/api/v1", true),
            ("/api", "/apix", false),
            ("/api/v1", "/api/v2", false),
            ("/", "/api", true),
            ("/", "/", true),
        ] {
            assert_eq!((mount(a).overlaps(&mount(b)), mount(b).overlaps(&mount(a))), (overlap, overlap), "{a} {b}");
        }
    }

    #[test]
    fn it_is_text_in_json() {
        assert_eq!(serde_json::to_string(&mount("/a/")).unwrap(), r#""/a""#);
        assert_eq!(serde_json::from_str::<MountPath>(r#""/%61/""#).unwrap(), mount("/a"));
        assert!(serde_json::from_str::<MountPath>(r#""a""#).is_err());
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "/([a-b%./\\-]|%[0-9a-fA-F]{2}|.){0,12}") {
            if let Ok(first) = text.parse::<MountPath>() {
                prop_assert_eq!(first.as_str().parse::<MountPath>(), Ok(first.clone()));
            }
        }

        #[test]
        fn mounts_overlap_exactly_when_a_path_is_covered_by_both(
            a in "(/[ab]{1,2}){1,3}", b in "(/[ab]{1,2}){1,3}", below in "(/[ab]{0,2}){0,2}",
        ) {
            let (a, b) = (mount(&a), mount(&b));
            prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
            let longer = if a.as_str().len() > b.as_str().len() { &a } else { &b };
            let path = format!("{longer}{below}");
            prop_assert_eq!(a.covers(&path) && b.covers(&path), a.overlaps(&b));
        }
    }
}
