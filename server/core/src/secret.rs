//! Values that must not appear in logs.

use std::fmt;

/// Secret bytes, such as the key that signs API tokens. Not shown by `Debug`, not serialisable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps secret bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret of a tunnel token or a personal one, `sbt_` or `sbp_` and 256 random bits. It exists only between its
/// creation and its being shown once; the database holds its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

/// The secret of a link that lets visitors in, `sbl_` and 256 random bits. Shown once; the database holds its SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(String);

impl LinkSecret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret as text, as a link has it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

/// The secret that a webhook's notices are signed with, `sbw_` and 256 random bits. Shown once; the database holds it
/// sealed, since signing takes the secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(String);

impl SigningSecret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret as text; its bytes are the key.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}
