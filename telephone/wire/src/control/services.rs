//! What a telephone announces, and what came of it.

use serde::{Deserialize, Serialize};

/// The most services that one telephone announces.
pub const MAX_SERVICES: usize = 20;

/// A service that a telephone announces: requests for this host and path are for its local server, too. At least one
/// of `host`, `path` and `service` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Announcement {
    /// The host, `app.example.com` or `*.example.com`; absent for any host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The mount on the host; absent for all of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the local server is labelled with in the pool; absent for the label that is enabled there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The pool by its name; absent for the one that host and path lead to, or one of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A service that was announced, as the server has understood it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The host; absent for any host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The mount; absent for all of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The label of the local server in the pool; absent where labels do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The pool's name.
    pub service: String,
    /// The address that leads to the pool; absent when that is no single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// What has to be done before the host leads anywhere; absent when nothing has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// How the owner of a host shows that it is theirs: by a DNS record of type TXT, or by a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The name of the record.
    pub record: String,
    /// What record or file hold.
    pub value: String,
    /// Where the file would be; absent for a wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
