//! Who may have an account, and what signs their access.

use std::time::Duration;

use ipnet::IpNet;
use server_core::{Secret, SignupPolicy};

use super::{parse, reader::Reader, setting};

/// Who may have an account, and what signs their access.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `signup`: who may create an account.
    pub signup: SignupPolicy,
    /// `session_lifetime`: how long a browser stays signed in, however much it is used.
    pub session_lifetime: Duration,
    /// `name_cooldown`: how long the name of a deleted tunnel is kept from other members.
    pub name_cooldown: Duration,
    /// `jwt_secret`: what API access tokens are signed with. `None`: the key in the data folder
    /// ([`super::DataDir::signing_key`]).
    pub jwt_secret: Option<Secret>,
    /// `sealing_key`: what secrets in the database are encrypted with. `None`: the key in the data folder
    /// ([`super::DataDir::sealing_key`]).
    pub sealing_key: Option<Secret>,
    /// `member_networks`: where what members enter may lead although it is not on the Internet.
    pub member_networks: Vec<IpNet>,
}

impl Accounts {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            signup: reader.take(&setting::SIGNUP, parse::signup, SignupPolicy::default()),
            session_lifetime: reader.take(
                &setting::SESSION_LIFETIME,
                parse::lifetime,
                Duration::from_secs(30 * 86_400),
            ),
            name_cooldown: reader.take(&setting::NAME_COOLDOWN, parse::keeping, Duration::from_secs(7 * 86_400)),
            jwt_secret: reader.take_optional(&setting::JWT_SECRET, parse::signing_key),
            sealing_key: reader.take_optional(&setting::SEALING_KEY, parse::signing_key),
            member_networks: reader.take(&setting::MEMBER_NETWORKS, parse::networks, Vec::new()),
        }
    }
}
