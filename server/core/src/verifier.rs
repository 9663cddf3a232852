//! What pages and API ask of whoever checks domains, which takes the network. The services only pass it on.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Domain;

use crate::{CoreError, DomainRef, Result, Services, Viewer};

/// Checks domains.
#[async_trait]
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Looks now for the domain's record or file, notes what it found, and returns the domain with it.
    ///
    /// # Errors
    /// `Throttled` when it was checked a moment ago; `NotFound` when it was deleted meanwhile.
    async fn verify(&self, domain: Domain) -> Result<Domain>;
}

impl Services {
    /// Has this one check domains from now on. The first one stays.
    pub fn set_verifier(&self, verifier: Arc<dyn Verifier>) {
        self.verifier_place().set(verifier).ok();
    }

    /// Checks now whether one of the viewer's domains is theirs, which takes up to five seconds. One that is not is
    /// returned with what was found instead. In commands that do not serve nothing is looked for.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `domain_deleted`; `Throttled` when it was checked a moment ago.
    pub async fn verify_domain(&self, viewer: &Viewer, which: &DomainRef) -> Result<Domain> {
        let domain = self.hosts().get(viewer, which).await?;
        if domain.deleted_at.is_some() {
            return Err(CoreError::conflict("domain_deleted", "this domain is deleted; restore it first"));
        }
        match self.verifier_place().get() {
            Some(verifier) => verifier.verify(domain).await,
            None => Ok(domain),
        }
    }
}
