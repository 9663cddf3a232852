//! The proof by a TXT record.

use std::fmt;

use super::names::{LookupError, Names};

/// How many records an error text repeats, and how much of each.
const SHOWN: usize = 3;
const SHOWN_CHARACTERS: usize = 80;

/// Why the record proves nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoProof {
    /// It could not be looked up, or is not there.
    Lookup(LookupError),
    /// These are there, none of them the one that is needed.
    Others(Vec<Vec<u8>>),
}

/// Looks for `value` among the TXT records at `name`.
pub(super) async fn look(names: &Names, name: &str, value: &str) -> Result<(), NoProof> {
    let texts = names.texts(name).await.map_err(NoProof::Lookup)?;
    if texts.iter().any(|text| says(text, value)) { Ok(()) } else { Err(NoProof::Others(texts)) }
}

/// Some forms for records keep the quotes that people put around the value.
fn says(text: &[u8], value: &str) -> bool {
    let text = text.trim_ascii();
    let unquoted = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    unquoted == value.as_bytes()
}

impl NoProof {
    /// What was found instead of `value` at `name`.
    pub(super) fn text(&self, name: &str, value: &str) -> String {
        match self {
            Self::Lookup(LookupError::NoSuchName | LookupError::NoRecord) => {
                format!("no TXT record at {name}; expected {value:?}")
            }
            Self::Lookup(other) => format!("the TXT record at {name} could not be looked up: {other}"),
            Self::Others(texts) => format!("no TXT record {value:?} at {name}; found: {}", Found(texts)),
        }
    }
}

/// Texts of strangers, short and without anything but printable characters.
struct Found<'a>(&'a [Vec<u8>]);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, text) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{}", if at > 0 { ", " } else { "" }, shown(text))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The beginning of what somebody else has written, in quotes and escaped.
pub(super) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_may_keep_its_quotes() {
        for text in ["sb-verify=a", " sb-verify=a ", "\"sb-verify=a\""] {
            assert!(says(text.as_bytes(), "sb-verify=a"), "{text}");
        }
        for text in ["", "\"", "sb-verify=ab", "\"sb-verify=a", "SB-VERIFY=A", "v=spf1 sb-verify=a"] {
            assert!(!says(text.as_bytes(), "sb-verify=a"), "{text}");
        }
    }

    #[test]
    fn what_strangers_have_written_is_shown_short_and_escaped() {
        let text = |texts: &[&[u8]]| {
            NoProof::Others(texts.iter().map(|text| text.to_vec()).collect()).text("_switchboard.a.b", "sb-verify=x")
        };
        assert_eq!(
            text(&[b"v=spf1 -all", b"a\"\n\x1b[31m\xff"]),
            "no TXT record \"sb-verify=x\" at _switchboard.a.b; found: \"v=spf1 -all\", \"a\\\"\\n\\u{1b}[31m\u{fffd}\""
        );
        let long = "ä".repeat(200);
        let many = text(&[long.as_bytes(), b"2", b"3", b"4", b"5"]);
        assert!(many.ends_with(&format!("\"{}\"…, \"2\", \"3\" and 2 more", "ä".repeat(80))), "{many}");
    }
}
