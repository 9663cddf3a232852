//! Who may have an account, and what signs their access.

use std::str::FromStr;

use super::{Secret, parse, reader::Reader, setting};

/// Who may have an account, and what signs their access.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `signup`: who may create an account. `None`: anyone until there is one, then nobody.
    pub signup: Option<Signup>,
    /// `jwt_secret`: what API access tokens are signed with. `None`: the key in the data folder
    /// ([`super::DataDir::signing_key`]).
    pub jwt_secret: Option<Secret>,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signup {
    /// Anyone.
    Open,
    /// Nobody; administrators add accounts.
    Closed,
    /// Those an administrator invites.
    Invite,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            signup: reader.take_optional(&setting::SIGNUP, str::parse),
            jwt_secret: reader.take_optional(&setting::JWT_SECRET, parse::signing_key),
        }
    }
}

impl FromStr for Signup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            "invite" => Ok(Self::Invite),
            _ => Err(format!("{text:?} is none of open, closed and invite")),
        }
    }
}
