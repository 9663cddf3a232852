//! What all types have in common that are validated text.

/// Serde as text of a type with `FromStr` and `Display`.
macro_rules! as_text {
    ($name:ident, $error:ty) => {
        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// The traits of a newtype over `String` whose `FromStr` validates: serde as text, `Display`, `as_str`.
macro_rules! text_type {
    ($name:ident, $error:ty) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

pub(crate) use {as_text, text_type};

/// Whether a text is 1 to `most` ASCII letters, digits and inner `.`, `_`, `-`, as names in URLs and files are.
pub(crate) fn is_plain_name(text: &str, most: usize) -> bool {
    let letter_or_digit = |b: u8| b.is_ascii_alphanumeric();
    text.len() <= most
        && text.bytes().next().is_some_and(letter_or_digit)
        && text.bytes().all(|b| letter_or_digit(b) || matches!(b, b'.' | b'_' | b'-'))
}

/// Tells a field that is missing (`None`) from one that is null (`Some(None)`); for patches.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
