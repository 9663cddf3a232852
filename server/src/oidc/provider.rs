//! The two questions to a provider.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
};
use server_core::{Journey, Outside, Proven};
use tokio::time::timeout;
use url::{ParseError, Url};

use super::OidcError;
use super::ask::Asker;
use super::error::told;
use super::known::Known;
use crate::config;
use crate::upstream::Names;

/// Where the provider sends browsers back to.
pub(crate) const CALLBACK: &str = "/web/login/oidc/callback";
/// How long a browser waits for all that the provider is asked, seconds; less than pages have.
const PATIENCE: u64 = 20;
/// The longest subject (OpenID Connect Core section 2), characters.
const LONGEST_SUBJECT: usize = 255;

/// What ID tokens may be signed with: what only the provider can sign. Not `none`, and nothing with a key that both have.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The provider by which people sign in.
#[derive(Debug)]
pub struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    asker: Asker,
    known: Known,
}

/// Where a browser goes, and what has to come back with it. `Debug` hides both.
pub struct Departure {
    /// At the provider.
    pub url: Url,
    /// See [`Journey`].
    pub state: String,
    /// See [`Journey`].
    pub nonce: String,
    /// See [`Journey`].
    pub verifier: String,
}

impl std::fmt::Debug for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Departure(…)")
    }
}

impl Provider {
    /// Nobody is asked before somebody wants to sign in: this server starts, whatever becomes of the provider.
    ///
    /// # Errors
    /// When the issuer is no address.
    pub fn new(
        oidc: &config::Oidc,
        public_url: &Url,
        names: Arc<Names>,
        outside: Arc<Outside>,
    ) -> Result<Self, ParseError> {
        let issuer = IssuerUrl::new(oidc.issuer.clone())?;
        let secret = oidc.client_secret.as_ref();
        Ok(Self {
            asker: Asker::new(issuer.url(), names, outside),
            issuer,
            client_id: ClientId::new(oidc.client_id.clone()),
            client_secret: secret
                .map(|secret| ClientSecret::new(String::from_utf8_lossy(secret.expose()).into_owned())),
            redirect: RedirectUrl::from_url(public_url.join(CALLBACK)?),
            known: Known::default(),
        })
    }

    /// Where to send a browser.
    ///
    /// # Errors
    /// `Away`, `Answer`.
    pub async fn depart(&self) -> Result<Departure, OidcError> {
        in_time(async {
            let known = self.known.get(&self.issuer, &self.asker).await?;
            if !self.asker.is_an_endpoint(known.authorization_endpoint().url()) {
                return Err(OidcError::Answer("it would have browsers go to an address that is not https".to_owned()));
            }
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let (url, state, nonce) = self
                .client(&known)
                .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
                .add_scope(Scope::new("email".to_owned()))
                .set_pkce_challenge(challenge)
                .url();
            let (state, nonce) = (state.into_secret(), nonce.secret().clone());
            Ok(Departure { url, state, nonce, verifier: verifier.into_secret() })
        })
        .await
    }

    /// Whom a code is of that a browser has brought back.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn arrive(&self, code: String, journey: &Journey) -> Result<Proven, OidcError> {
        in_time(self.redeem(code, journey)).await
    }

    /// Whether an answer that names its sender (RFC 9207) is of this provider.
    pub fn is_from(&self, issuer: &str) -> bool {
        issuer == self.issuer.as_str()
    }

    async fn redeem(&self, code: String, journey: &Journey) -> Result<Proven, OidcError> {
        let mut known = self.known.get(&self.issuer, &self.asker).await?;
        let client = self.client(&known);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| OidcError::Answer("it names no token_endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(journey.verifier.clone()));
        let granted = request.request_async(&self.asker).await?;
        let token = granted.id_token().ok_or_else(|| OidcError::Answer("it gives no ID token".to_owned()))?;
        let nonce = Nonce::new(journey.nonce.clone());
        let claims = match token.claims(&self.verifier(&known), &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                // It may have new keys.
                if let Some(newer) = self.known.after(&known, &self.issuer, &self.asker).await? {
                    known = newer;
                }
                token.claims(&self.verifier(&known), &nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| OidcError::Token(told(&error)))?;
        self.is_whole(token, claims, granted.access_token(), &known)?;
        let mut proven = self.proven(claims);
        if proven.email.is_none() && known.userinfo_endpoint().is_some() {
            self.complete(&mut proven, claims, granted.access_token(), &known).await?;
        }
        Ok(proven)
    }

    /// What [`CoreIdToken::claims`] leaves to its caller.
    fn is_whole(
        &self,
        token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
        access: &AccessToken,
        known: &CoreProviderMetadata,
    ) -> Result<(), OidcError> {
        if claims.authorized_party().is_some_and(|party| *party != self.client_id) {
            return Err(OidcError::Token("it was given to somebody else (azp)".to_owned()));
        }
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT {
            return Err(OidcError::Token("its subject is empty or too long".to_owned()));
        }
        if let Some(expected) = claims.access_token_hash() {
            let verifier = self.verifier(known);
            let algorithm = token.signing_alg().map_err(|error| OidcError::Token(told(&error)))?;
            let key = token.signing_key(&verifier).map_err(|error| OidcError::Token(told(&error)))?;
            let found = AccessTokenHash::from_token(access, algorithm, key);
            if found.map_err(|error| OidcError::Token(told(&error)))? != *expected {
                return Err(OidcError::Token("it belongs to another access token (at_hash)".to_owned()));
            }
        }
        Ok(())
    }

    fn proven(&self, claims: &CoreIdTokenClaims) -> Proven {
        let several = claims.auth_method_refs().is_some_and(|ways| ways.iter().any(|way| way.as_str() == "mfa"));
        Proven {
            issuer: self.issuer.to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().and_then(|email| email.parse().ok()),
            email_verified: claims.email_verified() == Some(true),
            second_factor: several,
        }
    }

    /// Asks for the e-mail address, which some providers leave out of the token.
    async fn complete(
        &self,
        proven: &mut Proven,
        claims: &CoreIdTokenClaims,
        access: &AccessToken,
        known: &CoreProviderMetadata,
    ) -> Result<(), OidcError> {
        if HeaderValue::try_from(access.secret()).is_err() {
            return Err(OidcError::Answer("its access token cannot be sent".to_owned()));
        }
        let client = self.client(known);
        let request = client
            .user_info(access.clone(), Some(claims.subject().clone()))
            .map_err(|_| OidcError::Answer("it names no userinfo_endpoint".to_owned()))?;
        let more: CoreUserInfoClaims = request.request_async(&self.asker).await.map_err(|error| match error {
            openidconnect::UserInfoError::Request(error) => error.into(),
            openidconnect::UserInfoError::ClaimsVerification(error) => OidcError::Token(told(&error)),
            _ => OidcError::Answer("what it says about people (userinfo) is odd".to_owned()),
        })?;
        proven.email = more.email().and_then(|email| email.parse().ok());
        proven.email_verified = more.email_verified() == Some(true);
        Ok(())
    }

    fn client(&self, known: &CoreProviderMetadata) -> Client {
        let client =
            CoreClient::from_provider_metadata(known.clone(), self.client_id.clone(), self.client_secret.clone());
        // `client_secret_basic` is what is meant where nothing is said (OpenID Connect Discovery section 3).
        let ways = known.token_endpoint_auth_methods_supported();
        let by_header = ways.is_none_or(|ways| ways.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let way = if by_header { AuthType::BasicAuth } else { AuthType::RequestBody };
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(way)
    }

    /// Made here and not by [`Client`], which believes the provider about what it signs with.
    fn verifier(&self, known: &CoreProviderMetadata) -> CoreIdTokenVerifier<'static> {
        let keys = known.jwks().clone();
        CoreIdTokenVerifier::new_public_client(self.client_id.clone(), self.issuer.clone(), keys)
            .set_allowed_algs(ALGORITHMS)
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, OidcError>>) -> Result<T, OidcError> {
    match timeout(Duration::from_secs(PATIENCE), Box::pin(asking)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(OidcError::late(PATIENCE)),
    }
}
