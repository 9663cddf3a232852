use std::fmt;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

/// A body as it travels: base64 (RFC 4648 §4, the alphabet with `+` and `/`). What is sent is padded with `=`; what is
/// received need not be. Nothing, `null` and the empty string are all an empty body.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Body(String);

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Body {
    /// Encodes `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self(STANDARD.encode(bytes))
    }

    /// Its length in base64, in bytes.
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }

    /// The bytes.
    ///
    /// # Errors
    /// When this is not base64.
    pub fn decode(&self) -> Result<Bytes, base64::DecodeError> {
        LENIENT.decode(&self.0).map(Bytes::from)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// Bodies are long and private.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} characters)", self.0.len())
    }
}
