//! Masking the values of cookies, so that one can still see which there were.
//!
//! Whoever reads a cookie that is not written as RFC 6265 wants it may take something else for its value than we would.
//! Such a field is masked as a whole.

use masking::MASK;

/// The longest name that is shown, bytes.
const LONGEST_NAME: usize = 128;
/// A longer name without a value may as well be a value in base64, with its padding.
const LONGEST_NAME_OF_NOTHING: usize = 15;
/// What may follow the pair in `Set-Cookie` (RFC 6265 section 4.1, and what has come since), in lower case.
const ATTRIBUTES: [&str; 9] =
    ["domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure"];

/// The value of a field `Cookie` without those of its cookies; `None` when all of it is to be masked.
pub(super) fn sent(field: &[u8]) -> Option<String> {
    let pairs = field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty());
    let masked = pairs.map(pair).collect::<Option<Vec<_>>>()?;
    (!masked.is_empty()).then(|| masked.join("; "))
}

/// The value of a field `Set-Cookie` without that of its cookie; `None` when all of it is to be masked.
pub(super) fn set(field: &[u8]) -> Option<String> {
    let mut parts = field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let mut masked = pair(parts.next()?)?;
    for attribute in parts.filter(|part| !part.is_empty()) {
        masked.push_str("; ");
        masked.push_str(attribute_of(attribute)?);
    }
    Some(masked)
}

/// A cookie without its value.
fn pair(pair: &[u8]) -> Option<String> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
    let is_name = (1..=LONGEST_NAME).contains(&name.len()) && name.iter().all(|byte| is_token(*byte));
    // A value alone, which ends with its padding, looks like a name.
    let is_padding =
        value.iter().all(|byte| *byte == b'=') && (!value.is_empty() || name.len() > LONGEST_NAME_OF_NOTHING);
    if !is_name || is_padding || !is_closed(value) {
        return None;
    }
    Some(format!("{}={MASK}", std::str::from_utf8(name).ok()?))
}

/// Whether a value ends where the next semicolon is for everybody: some take one between quotes for a part of it.
fn is_closed(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    !inner.iter().any(|byte| matches!(byte, b'"' | b'\\'))
}

/// An attribute as it is, if it is one. What follows a cookie may also be another one, where fields were put together.
fn attribute_of(attribute: &[u8]) -> Option<&str> {
    let attribute = std::str::from_utf8(attribute).ok()?;
    let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
    let name = name.trim_ascii_end().to_ascii_lowercase();
    let fits = |byte: u8| match byte {
        b',' => name == "expires",
        b'=' | b'"' | b'\\' => false,
        byte => byte == b' ' || byte.is_ascii_graphic(),
    };
    (ATTRIBUTES.contains(&name.as_str()) && value.bytes().all(fits)).then_some(attribute)
}

/// Whether it may be in a name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stay() {
        for (field, masked) in [
            ("a=1", Some("a=[masked]")),
            ("a=1; b=x=y;c=\"q\" ;; __Host-d=", Some("a=[masked]; b=[masked]; c=[masked]; __Host-d=[masked]")),
            ("a=1, b=2", Some("a=[masked]")),
            ("a = 1", Some("a=[masked]")),
            // Which are the values?
            ("", None),
            (" ; ", None),
            ("token", None),
            ("=token", None),
            ("a=1; token", None),
            ("a b=1", None),
            ("\u{e4}=1", None),
            ("a=\"1; b=2\"", None),
            ("a=1\\; b=2", None),
            ("c2VjcmV0IQ==", None),
            ("c2VjcmV0IHNlY3JldCE=", None),
        ] {
            assert_eq!(sent(field.as_bytes()).as_deref(), masked, "{field}");
        }
    }

    #[test]
    fn attributes_stay() {
        let whole = "Domain=a.example; Path=/a; Max-Age=60; Secure; HttpOnly; SameSite=Lax; Priority=High; Partitioned";
        let all = format!("id=[masked]; {whole}");
        for (field, masked) in [
            (format!("id=1; {whole}"), Some(all.as_str())),
            (
                "id=;expires=Wed, 21 Oct 2026 07:28:00 GMT".to_owned(),
                Some("id=[masked]; expires=Wed, 21 Oct 2026 07:28:00 GMT"),
            ),
            ("id=1; Path=/, other=2".to_owned(), None),
            ("id=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, other=2".to_owned(), None),
            ("id=1; HttpOnly, other=2".to_owned(), None),
            ("id=1; more".to_owned(), None),
            ("id=\"1; Path=/\"".to_owned(), None),
            ("id".to_owned(), None),
        ] {
            assert_eq!(set(field.as_bytes()).as_deref(), masked, "{field}");
        }
    }

    /// Text of a value, which is told from names and attributes by its digits.
    const VALUE: &str = "[0-9 =,\"\\\\\u{e4}]{0,12}[0-9]{12}={0,2}";

    proptest! {
        #[test]
        fn no_byte_of_a_value_is_left(
            pairs in prop::collection::vec(("n[a-z_-]{0,11}", VALUE), 1..5),
            between in "; ?|, ?|;;",
            attributes in "(; ?(Path=/|Secure|SameSite=Lax|Domain=a[.]example)){0,3}",
        ) {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let (all, one) = (pairs.join(&between), format!("{}{attributes}", pairs[0]));
            for masked in [sent(all.as_bytes()), set(all.as_bytes()), set(one.as_bytes())].into_iter().flatten() {
                prop_assert!(!masked.contains(|c: char| c.is_ascii_digit() || c == '\u{e4}'), "{masked}");
            }
        }

        #[test]
        fn values_without_names_are_not_left(value in "[0-9a-zA-Z+/_.-]{16,64}={0,2}", attributes in "(; (Path=/|Secure)){0,2}") {
            prop_assert_eq!(sent(value.as_bytes()), None);
            prop_assert_eq!(set(format!("{value}{attributes}").as_bytes()), None);
        }

        #[test]
        fn what_is_shown_is_names_and_attributes(field: Vec<u8>) {
            let is_name = |part: &str| part.strip_suffix("=[masked]").is_some_and(|name| name.bytes().all(is_token));
            if let Some(masked) = sent(&field) {
                prop_assert!(masked.split("; ").all(is_name), "{masked}");
            }
            if let Some(masked) = set(&field) {
                let mut parts = masked.split("; ");
                prop_assert!(parts.next().is_some_and(is_name), "{masked}");
                prop_assert!(parts.all(|part| attribute_of(part.as_bytes()).is_some()), "{masked}");
            }
        }
    }
}
