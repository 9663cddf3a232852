//! Proofs that this node itself serves.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use domain::{Domain, HostPattern, VERIFICATION_PATH};

/// What this node answers for the files of domains that wait for their check.
///
/// A host that leads here already could not show the file otherwise: requests for it arrive at this node, which routes
/// them nowhere before the check.
#[derive(Debug, Default)]
pub struct PendingFiles(ArcSwap<HashMap<Box<str>, Box<str>>>);

impl PendingFiles {
    /// Replaces all by these domains' files. Those that are verified or wildcards have none.
    pub fn set<'a>(&self, domains: impl IntoIterator<Item = &'a Domain>) {
        let files = domains.into_iter().filter(|domain| !domain.verified).filter_map(|domain| match &domain.domain {
            HostPattern::Exact(host) => Some((host.as_str().into(), domain.verification.value.as_str().into())),
            HostPattern::Wildcard(_) => None,
        });
        self.0.store(files.collect::<HashMap<_, _>>().into());
    }

    /// The content of the file at `path` of `host` (lower case, without port); takes no lock, and for any other path it
    /// is one comparison.
    pub fn answer(&self, host: &str, path: &str) -> Option<String> {
        let token = path.strip_prefix(VERIFICATION_PATH)?;
        let files = self.0.load();
        let value = files.get(host)?;
        (value.strip_prefix("sb-verify=") == Some(token)).then(|| format!("{value}\n"))
    }
}
