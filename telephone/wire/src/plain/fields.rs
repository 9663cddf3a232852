use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Header fields as they travel: an object from name to value, or to a list of values when a field is repeated.
///
/// Each character of a value stands for one byte (ISO 8859-1, as header fields have in most HTTP libraries), so that
/// every value survives in both directions, whatever its encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub BTreeMap<String, Values>);

/// The value or values of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// The field occurs once.
    One(String),
    /// It occurs as often as there are values, in this order.
    Many(Vec<String>),
}

/// Why an object is not header fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A name is not a token (RFC 9110 §5.1).
    #[error("{0:?} is not the name of a header field")]
    Name(String),
    /// A value holds a control character (RFC 9110 §5.5), or one that is not a byte.
    #[error("the value of {0:?} holds a character that a header field cannot have")]
    Value(String),
}

impl Values {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl From<&HeaderMap> for Fields {
    fn from(headers: &HeaderMap) -> Self {
        let fields = headers.keys().map(|name| {
            let mut values: Vec<_> = headers.get_all(name).iter().map(latin1).collect();
            let values = if values.len() == 1 { Values::One(values.remove(0)) } else { Values::Many(values) };
            (name.as_str().to_owned(), values)
        });
        Self(fields.collect())
    }
}

impl TryFrom<&Fields> for HeaderMap {
    type Error = FieldError;

    /// Names may be in any case.
    fn try_from(fields: &Fields) -> Result<Self, FieldError> {
        let mut headers = Self::with_capacity(fields.0.len());
        for (name, values) in &fields.0 {
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| FieldError::Name(shorten(name)))?;
            for value in values.as_slice() {
                let value = bytes(value).ok_or_else(|| FieldError::Value(shorten(name)))?;
                headers.try_append(&parsed, value).map_err(|_| FieldError::Name(shorten(name)))?;
            }
        }
        Ok(headers)
    }
}

fn latin1(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

fn bytes(value: &str) -> Option<HeaderValue> {
    let bytes = value.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>()?;
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes)).ok()
}

/// A name as it may be shown.
fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}
