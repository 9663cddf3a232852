//! What alerts have told.

use crate::{AlertEventId, AlertId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A word that stands for nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of alerts")]
pub struct UnknownAlertWord;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The name used in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownAlertWord;

            fn from_str(text: &str) -> Result<Self, UnknownAlertWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownAlertWord) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What is told.
    AlertState {
        /// It is as it should not be.
        Firing = "firing",
        /// It is as it should be again.
        Recovered = "recovered",
        /// Its owner wants to see whether notices arrive.
        Test = "test",
    }
}

words! {
    /// Whether a notice has arrived.
    AlertDelivery {
        /// It is on its way; perhaps it is tried again.
        Pending = "pending",
        /// It was taken.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
        /// There were too many in an hour: it is only written down.
        Suppressed = "suppressed",
    }
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlertSubject {
    /// `tunnel`, `service`, `backend`, or `all` for all of the owner's traffic together.
    pub kind: String,
    /// Which one; the owner for `all`.
    pub id: Uuid,
    /// What it was called then.
    pub name: String,
}

/// One notice, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlertEvent {
    /// Its id; a notice that is sent again keeps it.
    pub id: AlertEventId,
    /// Of which alert.
    pub alert_id: AlertId,
    /// What the alert is called now.
    pub alert_name: String,
    /// When it became so.
    pub at: Timestamp,
    /// What is told.
    pub state: AlertState,
    /// What it is about.
    pub subject: AlertSubject,
    /// The figure that was compared with the limit.
    pub value: Option<f64>,
    /// In words.
    pub message: String,
    /// Where it goes: an address of e-mail, or scheme and host of a webhook.
    pub target: String,
    /// Whether it has arrived.
    pub delivery: AlertDelivery,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was taken.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
}
