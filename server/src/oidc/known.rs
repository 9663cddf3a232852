//! What is known of the provider: its description and its keys, for an hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::IssuerUrl;
use openidconnect::core::CoreProviderMetadata;
use tokio::sync::Mutex;

use super::OidcError;
use super::ask::Asker;

/// How long it is taken for true.
const LIFETIME: Duration = Duration::from_secs(3_600);
/// How long the provider is left alone after it could not be asked: whoever asks for the sign-in page does not decide how
/// often this server connects to somebody.
const REST: Duration = Duration::from_secs(5);
/// How often it is asked anew at most because a token names a key that is not known. Who can make up tokens cannot make
/// this server ask.
const ANEW: Duration = Duration::from_secs(60);

/// What is known, and when it was asked.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    found: Option<(Instant, Arc<CoreProviderMetadata>)>,
    failed: Option<(Instant, OidcError)>,
    anew: Option<Instant>,
}

impl Known {
    /// What is known, or asked now. Of many who want to know at once one asks.
    pub(super) async fn get(&self, issuer: &IssuerUrl, asker: &Asker) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        let mut state = self.0.lock().await;
        if let Some((at, found)) = &state.found
            && at.elapsed() < LIFETIME
        {
            return Ok(found.clone());
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < REST
        {
            return Err(error.clone());
        }
        state.ask(issuer, asker).await
    }

    /// What is known after `old`, which lacks a key; `None`: that was asked for a short time ago.
    pub(super) async fn after(
        &self,
        old: &Arc<CoreProviderMetadata>,
        issuer: &IssuerUrl,
        asker: &Asker,
    ) -> Result<Option<Arc<CoreProviderMetadata>>, OidcError> {
        let mut state = self.0.lock().await;
        if let Some((_, found)) = &state.found
            && !Arc::ptr_eq(found, old)
        {
            return Ok(Some(found.clone()));
        }
        if state.anew.is_some_and(|at| at.elapsed() < ANEW) {
            return Ok(None);
        }
        state.anew = Some(Instant::now());
        state.ask(issuer, asker).await.map(Some)
    }
}

impl State {
    async fn ask(&mut self, issuer: &IssuerUrl, asker: &Asker) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        match CoreProviderMetadata::discover_async(issuer.clone(), asker).await {
            Ok(found) => {
                let found = Arc::new(found);
                self.found = Some((Instant::now(), found.clone()));
                self.failed = None;
                Ok(found)
            }
            Err(error) => {
                let error = OidcError::from(error);
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}
