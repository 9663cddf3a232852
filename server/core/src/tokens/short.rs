//! Short-lived tokens (JWT, RFC 7519) that a token is exchanged for, where no long-lived secret should lie about.
//!
//! They are signed with the same keys as access tokens of the API, but are for another audience and of another type, so that
//! neither is taken for the other.

use crate::{
    CoreError, Result, TokenSecret,
    signing::{Signed, SigningKeys, Unchecked},
    store::now,
};
use chrono::TimeDelta;
use domain::{Timestamp, TokenScope};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use uuid::Uuid;

use super::TokenRefused;

const ISSUER: &str = "switchboard";
const AUDIENCE: &str = "switchboard-telephone";
const TYPE: &str = "telephone";
/// The longest one, bytes: it has to fit into a telephone's first message.
const LONGEST: usize = 16 * 1024;

/// A short-lived token. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct ShortToken {
    /// What a telephone signs in with.
    pub secret: TokenSecret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it allows.
    pub scope: TokenScope,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// The token.
    pub(super) sub: Uuid,
    typ: String,
    pub(super) jti: Uuid,
    /// Which of the token's secrets it counts as: it ends with that one.
    pub(super) generation: i32,
    pub(super) scope: TokenScope,
    iat: i64,
    exp: i64,
}

impl Claims {
    pub(super) fn until(&self) -> Result<Timestamp, TokenRefused> {
        Timestamp::from_timestamp(self.exp, 0).ok_or(TokenRefused::Invalid)
    }
}

/// What signs and checks them.
pub(crate) struct ShortTokens {
    keys: Arc<SigningKeys>,
    validation: Validation,
}

impl fmt::Debug for ShortTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortTokens").finish_non_exhaustive()
    }
}

impl ShortTokens {
    pub(crate) fn new(keys: Arc<SigningKeys>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        Self { keys, validation }
    }

    /// Whether a telephone's token is one of these, rather than a secret.
    pub(super) fn is_one(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// One for this token and at most this long.
    pub(super) async fn issue(
        &self,
        token: Uuid,
        generation: i32,
        scope: TokenScope,
        life: TimeDelta,
    ) -> Result<ShortToken> {
        let iat = now().timestamp();
        // No longer than its key is good for checking, once that was replaced.
        let exp = iat + life.min(Signed::Telephone.life()).num_seconds();
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: token,
            typ: TYPE.into(),
            jti: Uuid::now_v7(),
            generation,
            scope,
            iat,
            exp,
        };
        let text = self.keys.sign(&claims).await?;
        if text.len() > LONGEST {
            return Err(CoreError::invalid("scope", "this is too long to be carried in a token; list less"));
        }
        let expires_at = Timestamp::from_timestamp(exp, 0).unwrap_or_default();
        Ok(ShortToken { secret: TokenSecret::new(text), expires_at, scope: claims.scope })
    }

    pub(super) async fn read(&self, token: &str) -> Result<Claims, TokenRefused> {
        let read = self.keys.check::<Claims>(token, &self.validation, Signed::Telephone).await;
        let claims = read.map_err(|refused| match refused {
            Unchecked::Wrong => TokenRefused::Invalid,
            Unchecked::Expired => TokenRefused::Expired,
            Unchecked::Unavailable(error) => TokenRefused::Unavailable(error),
        })?;
        if claims.typ == TYPE { Ok(claims) } else { Err(TokenRefused::Invalid) }
    }
}
