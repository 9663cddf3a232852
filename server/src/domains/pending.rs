//! Files that this node itself can serve.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use domain::{Domain, HostPattern, VERIFICATION_PATH};

/// What this node answers for the files of domains that wait for their check.
///
/// A host that leads here already could not show the file otherwise: requests for it arrive at this node, which routes
/// them nowhere before the check. Whoever answers from here takes it as proof that the host leads to this server, as
/// ACME's HTTP-01 does. That says nothing of who entered the domain: of several members, the first to enter a name that
/// leads here already gets it. Where members do not trust each other, the file must not be answered from here, and the
/// TXT record remains.
#[derive(Debug, Default)]
pub struct PendingFiles(ArcSwap<HashMap<Box<str>, Box<str>>>);

impl PendingFiles {
    /// Replaces all by these domains' files. Those that are verified or wildcards have none.
    pub fn set<'a>(&self, domains: impl IntoIterator<Item = &'a Domain>) {
        self.0.store(domains.into_iter().filter_map(file).collect::<HashMap<_, _>>().into());
    }

    /// Adds a domain's file before the next [`set`](Self::set).
    pub fn add(&self, domain: &Domain) {
        let Some((host, value)) = file(domain) else { return };
        if self.0.load().get(&host) != Some(&value) {
            self.0.rcu(|files| {
                let mut files = HashMap::clone(files);
                files.insert(host.clone(), value.clone());
                files
            });
        }
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

/// The host and the value that its file has.
fn file(domain: &Domain) -> Option<(Box<str>, Box<str>)> {
    match &domain.domain {
        HostPattern::Exact(host) if !domain.verified => {
            Some((host.as_str().into(), domain.verification.value.as_str().into()))
        }
        _ => None,
    }
}
