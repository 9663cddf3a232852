//! Masking values of `name=value` in URLs and forms.

use crate::MASK;
use std::borrow::Cow;

/// Names whose values are masked, in lower case.
#[derive(Debug, Default)]
pub struct Names(Vec<String>);

/// What text it is, which says where a name begins and a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The target of a request.
    Target,
    /// A form (`application/x-www-form-urlencoded`).
    Form,
    /// The value of a header field that may have URLs in it.
    Field,
}

impl Kind {
    /// Whether a name may begin behind this byte.
    fn begins(self, byte: u8) -> bool {
        match self {
            Self::Target => matches!(byte, b'?' | b'&' | b';' | b'#'),
            Self::Form => byte == b'&',
            Self::Field => matches!(byte, b'?' | b'&' | b';' | b'#'),
        }
    }

    /// Whether a value ends before this byte. What else could end one may as well belong to it.
    fn ends(self, byte: u8) -> bool {
        byte == b'&' || self == Self::Field && (byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>'))
    }
}

impl Names {
    /// Upper and lower case are alike.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(str::to_lowercase).collect())
    }

    /// Whether nothing is masked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of them, as it is written in a URL.
    pub fn have(&self, encoded: &[u8]) -> bool {
        let name = decoded(encoded);
        self.0.contains(&name)
    }

    /// Whether it is one of them, as it is.
    pub fn have_plain(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.0.contains(&name)
    }

    /// The text with values masked, borrowed when there are none to mask.
    pub fn mask_text<'t>(&self, text: &'t str, kind: Kind) -> Cow<'t, str> {
        match self.mask(text.as_bytes(), kind) {
            // What is cut out begins and ends at characters of ASCII.
            Some(masked) => String::from_utf8_lossy(&masked).into_owned().into(),
            None => text.into(),
        }
    }

    /// The same for bytes; `None` when there are none to mask.
    pub fn mask(&self, text: &[u8], kind: Kind) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let mut out: Option<Vec<u8>> = None;
        let (mut copied, mut at, mut begins) = (0, 0, kind == Kind::Form);
        while at < text.len() {
            if begins && let Some(value) = self.value_at(text, at, kind) {
                let out = out.get_or_insert_default();
                out.extend_from_slice(&text[copied..value]);
                out.extend_from_slice(MASK.as_bytes());
                let rest = &text[value..];
                at = value + rest.iter().position(|byte| kind.ends(*byte)).unwrap_or(rest.len());
                copied = at;
                begins = false;
                continue;
            }
            begins = kind.begins(text[at]);
            at += 1;
        }
        out.map(|mut out| {
            out.extend_from_slice(&text[copied..]);
            out
        })
    }

    /// Where the value of the name at `at` begins, if it is one of ours.
    fn value_at(&self, text: &[u8], at: usize, kind: Kind) -> Option<usize> {
        let rest = &text[at..];
        let length = rest.iter().position(|byte| *byte == b'=' || kind.begins(*byte) || kind.ends(*byte))?;
        (rest[length] == b'=' && self.have(&rest[..length])).then_some(at + length + 1)
    }
}

/// What the escape at the beginning of `text` stands for (RFC 3986 section 2.1); `None` when `%` and two hexadecimal digits
/// are not there.
pub fn decode_escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// A name without its percent-encoding, in lower case.
fn decoded(name: &[u8]) -> String {
    let (mut bytes, mut at) = (Vec::with_capacity(name.len()), 0);
    while let Some(&byte) = name.get(at) {
        match decode_escape(&name[at..]) {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn values_are_masked_by_their_names() {
        let names = Names::new(["Token", "pass word"]);
        let masked = |text: &str, kind| names.mask(text.as_bytes(), kind).map(|out| String::from_utf8(out).unwrap());
        for (kind, before, after) in [
            (Kind::Target, "/a?token=x", Some("/a?token=[masked]")),
            (Kind::Target, "/a?b=1&TOKEN=x;y#z&c=2", Some("/a?b=1&TOKEN=[masked]&c=2")),
            (
                Kind::Target,
                "/a?%74oken=x&pass+word=y&pass%20word=z",
                Some("/a?%74oken=[masked]&pass+word=[masked]&pass%20word=[masked]"),
            ),
            (Kind::Target, "/a?token=&token=x", Some("/a?token=[masked]&token=[masked]")),
            (Kind::Target, "/token=x?atoken=1&token", None),
            (Kind::Form, "token=x&a=b", Some("token=[masked]&a=b")),
            (Kind::Form, "a=b&token=x y\n\"z#", Some("a=b&token=[masked]")),
            (Kind::Field, "https://a/?token=x", Some("https://a/?token=[masked]")),
            (
                Kind::Field,
                "<https://a/?b=1&token=x>; rel=\"next\"",
                Some("<https://a/?b=1&token=[masked]>; rel=\"next\""),
            ),
            (Kind::Field, "/cb#token=x&b=c", Some("/cb#token=[masked]&b=c")),
            (Kind::Field, "token", None),
        ] {
            assert_eq!(masked(before, kind).as_deref(), after, "{before}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_secret_is_left(before in "[a-z=&;#?%+ ]{0,20}", rest in "[a-z0-9=;%+]{0,10}") {
            let names = Names::new(["token"]);
            let target = format!("/?{before}&token=SECRET{rest}SECRET");
            let out = names.mask(target.as_bytes(), Kind::Target).unwrap();
            proptest::prop_assert!(!String::from_utf8(out).unwrap().contains("SECRET"));
        }

        #[test]
        fn nothing_panics(text: Vec<u8>) {
            for kind in [Kind::Target, Kind::Form, Kind::Field] {
                Names::new(["a"]).mask(&text, kind);
            }
        }
    }
}
