//! What has to do with security: who came in, who did not, who changed what that protects accounts.

use crate::{AuditEventId, Email, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, str::FromStr};

/// The text names no [`AuditKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of event")]
pub struct UnknownAuditKind;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal: $words:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum AuditKind {
            $($(#[$doc])* $variant,)*
        }

        impl AuditKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name used in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What happened, in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }

        impl FromStr for AuditKind {
            type Err = UnknownAuditKind;

            fn from_str(text: &str) -> Result<Self, UnknownAuditKind> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownAuditKind) }
            }
        }
    };
}

kinds! {
    /// Somebody signed in.
    SignedIn = "signed_in": "signed in",
    /// Somebody gave a wrong password, or the address of no account.
    SignInFailed = "sign_in_failed": "sign-in failed",
    /// Somebody has tried so often to sign in or to make an account that they have to wait.
    SignInDelayed = "sign_in_delayed": "sign-in put off",
    /// Somebody used a link for an account or a password that is not good, or no more.
    LinkRefused = "link_refused": "link refused",
    /// Somebody wanted to make the first account without the code for it.
    SetUpRefused = "set_up_refused": "set-up code refused",
    /// Somebody signed out.
    SignedOut = "signed_out": "signed out",
    /// Somebody came in at a host in front of which one signs in here.
    Entered = "entered": "came in",
    /// Somebody was not let in there, with this account.
    EntryRefused = "entry_refused": "not let in",
    /// A telephone showed a token that is not good, or not for what it wants.
    TelephoneRefused = "telephone_refused": "telephone refused",
    /// Browsers or programs were signed out, by the account's owner or an administrator.
    SessionsEnded = "sessions_ended": "sessions ended",
    /// A refresh token was used a second time: somebody has a copy. Its session was ended.
    RefreshReused = "refresh_reused": "a copy of a refresh token was used",
    /// An account was made.
    AccountMade = "account_made": "account made",
    /// The password was changed.
    PasswordChanged = "password_changed": "password changed",
    /// The address to sign in with was changed.
    EmailChanged = "email_changed": "address changed",
    /// A wrong code followed a right password.
    SecondFactorFailed = "second_factor_failed": "code refused",
    /// A second factor was turned on.
    SecondFactorOn = "second_factor_on": "second factor turned on",
    /// A second factor was turned off.
    SecondFactorOff = "second_factor_off": "second factor turned off",
    /// Somebody got new recovery codes.
    RecoveryCodesRenewed = "recovery_codes_renewed": "new recovery codes",
    /// An administrator said whether everybody needs a second factor.
    SecondFactorPolicy = "second_factor_policy": "second factor",
    /// An account at a provider of sign-ins gets in from now on.
    IdentityLinked = "identity_linked": "sign-in with a provider linked",
    /// It does no longer.
    IdentityUnlinked = "identity_unlinked": "sign-in with a provider unlinked",
    /// A link to choose a new password was made.
    ResetOffered = "reset_offered": "link for a new password made",
    /// Somebody was invited.
    Invited = "invited": "invited",
    /// An invitation was taken back.
    InvitationWithdrawn = "invitation_withdrawn": "invitation withdrawn",
    /// An account's role was changed.
    RoleChanged = "role_changed": "role changed",
    /// An account may have more or fewer requests than before.
    RateLimitChanged = "rate_limit_changed": "limit of requests changed",
    /// The whole switchboard carries more or fewer requests than before.
    ServerLimitChanged = "server_limit_changed": "limit of the whole switchboard changed",
    /// An account was deactivated.
    AccountDeactivated = "account_deactivated": "account deactivated",
    /// A deactivation was taken back.
    AccountReactivated = "account_reactivated": "account reactivated",
    /// An account was deleted.
    AccountDeleted = "account_deleted": "account deleted",
    /// A tunnel token was made.
    TokenCreated = "token_created": "token made",
    /// A tunnel token has a new secret.
    TokenRotated = "token_rotated": "token rotated",
    /// A tunnel token was exchanged for a short-lived one.
    TokenExchanged = "token_exchanged": "short-lived token given",
    /// What stands in front of a tunnel, domain or route was changed, but for its share links.
    FrontChanged = "front_changed": "what stands in front changed",
    /// More or less is recorded of requests to a tunnel, domain or route.
    CaptureChanged = "capture_changed": "what is recorded changed",
    /// A link that lets visitors in was made.
    ShareLinkMade = "share_link_made": "share link made",
    /// A link that lets visitors in was ended.
    ShareLinkEnded = "share_link_ended": "share link ended",
    /// A personal token was made, with which programs use the API.
    PersonalTokenCreated = "personal_token_created": "personal token made",
    /// A personal token was revoked.
    PersonalTokenRevoked = "personal_token_revoked": "personal token revoked",
    /// A tunnel token was revoked.
    TokenRevoked = "token_revoked": "token revoked",
    /// A webhook's notices are signed with a new secret.
    WebhookKeyRotated = "webhook_key_rotated": "secret of a webhook replaced",
    /// An administrator counts a domain as verified.
    DomainTrusted = "domain_trusted": "domain counted as verified",
    /// The key that access tokens are signed with was replaced.
    SigningKeyRotated = "signing_key_rotated": "signing key replaced",
    /// All secrets in the database were sealed with another key.
    Resealed = "resealed": "sealing key replaced",
}

/// Something that happened, once, or within a few minutes several times alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// What happened.
    pub kind: AuditKind,
    /// When it happened first.
    pub at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often: failed sign-ins to the same account from the same address, and the like, count as one event for ten minutes.
    pub times: u64,
    /// Who did it; `None`: somebody who was not signed in, or the command line.
    pub actor_id: Option<UserId>,
    /// Who did it, as they were called then.
    pub actor_email: Option<Email>,
    /// The account that it is about; `None`: one that does not exist, or is not known.
    pub account_id: Option<UserId>,
    /// The account or the invited, as they were called then.
    pub account_email: Option<Email>,
    /// From where; `None`: from the command line, or from many places.
    pub address: Option<IpAddr>,
    /// More of it, such as the name of a token; never a secret.
    pub detail: Option<String>,
}
