//! Domains: host names with an owner, and what serves them where no route does.

use crate::{
    BackendAddress, DomainId, Front, HeaderRules, HostPattern, HostRewrite, Redirect, ServiceId, ServiceName,
    Subdomain, Tag, Target, TargetFields, Timestamp, TunnelId, UserId, email::Email, target::TargetChange,
    text::present,
};
use serde::{Deserialize, Serialize};

/// A domain, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The host name, exact or with `*.` in front.
    pub domain: HostPattern,
    /// What serves it where no route does.
    #[serde(flatten)]
    pub target: Target,
    /// Whether requests without TLS are sent to https.
    pub http_to_https: bool,
    /// What is changed of headers.
    pub headers: HeaderRules,
    /// Which `Host` the backend is told; `None`: the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_rewrite: Option<HostRewrite>,
    /// Whether its owner has shown that it is theirs; before that nothing is routed.
    pub verified: bool,
    /// How the owner shows it.
    pub verification: Verification,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// How the owner of a domain shows that it is theirs: by a TXT record or, for an exact host, by a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verification {
    /// The name of the TXT record.
    pub record: String,
    /// Its value, and the file's content.
    pub value: String,
    /// Where the file is looked for; `None` for a wildcard, which is no one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was last looked for.
    pub checked_at: Option<Timestamp>,
    /// What was wrong then; `None`: nothing.
    pub error: Option<String>,
}

/// The path of the file that shows whose a domain is, followed by the value's random part.
pub const VERIFICATION_PATH: &str = "/.well-known/switchboard-verification/";

impl Verification {
    /// What to look for on this domain, given the random part of its value.
    pub fn of(domain: &HostPattern, token: &str) -> Self {
        let host = domain.hostname();
        let url = (!domain.is_wildcard()).then(|| format!("http://{host}{VERIFICATION_PATH}{token}"));
        Self {
            record: format!("_switchboard.{host}"),
            value: format!("sb-verify={token}"),
            url,
            checked_at: None,
            error: None,
        }
    }
}

/// All that an owner decides about a domain: asked for when it is created, kept by its revisions, exported and applied.
///
/// A tag without a service is one of the service `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DomainSpec {
    /// Whose it is; who asks when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// The host name, exact or with `*.` in front.
    pub domain: HostPattern,
    /// The target: a service by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The target: a service by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// The tag that backends of the service must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_backends_tag: Option<Tag>,
    /// The target: a tunnel by its subdomain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Subdomain>,
    /// The target: a tunnel by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<TunnelId>,
    /// The target: elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// The target: a new service of one backend at this address, named after what leads to it. Never shown: what is shown
    /// is that service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
    /// Whether requests without TLS are sent to https.
    #[serde(default)]
    pub http_to_https: bool,
    /// What is changed of headers.
    #[serde(default, skip_serializing_if = "HeaderRules::is_empty")]
    pub headers: HeaderRules,
    /// Which `Host` the backend is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_rewrite: Option<HostRewrite>,
    /// What stands in front of it.
    #[serde(default, skip_serializing_if = "Front::is_open")]
    pub front: Front,
}

impl DomainSpec {
    /// A domain that leads nowhere yet.
    pub fn new(domain: HostPattern) -> Self {
        Self {
            owner: None,
            domain,
            service: None,
            service_id: None,
            enabled_backends_tag: None,
            tunnel: None,
            tunnel_id: None,
            redirect: None,
            address: None,
            http_to_https: false,
            headers: HeaderRules::default(),
            host_rewrite: None,
            front: Front::default(),
        }
    }

    /// The fields that name its target.
    pub fn target(&self) -> TargetFields {
        TargetFields {
            service: self.service.clone(),
            service_id: self.service_id,
            enabled_backends_tag: self.enabled_backends_tag.clone(),
            tunnel: self.tunnel.clone(),
            tunnel_id: self.tunnel_id,
            redirect: self.redirect.clone(),
            address: self.address.clone(),
        }
    }

    /// Replaces its target.
    pub fn set_target(&mut self, target: TargetFields) {
        self.service = target.service;
        self.service_id = target.service_id;
        self.enabled_backends_tag = target.enabled_backends_tag;
        self.tunnel = target.tunnel;
        self.tunnel_id = target.tunnel_id;
        self.redirect = target.redirect;
        self.address = target.address;
    }
}

/// What is to be changed of a domain; what is missing stays, null takes away. Naming another target replaces the old one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DomainPatch {
    /// The host name; only the same one, since a domain does not become another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<HostPattern>,
    /// The target: a service by name.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub service: Option<Option<ServiceName>>,
    /// The target: a service by id.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub service_id: Option<Option<ServiceId>>,
    /// The tag that backends of the service must carry; null: none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub enabled_backends_tag: Option<Option<Tag>>,
    /// The target: a tunnel by its subdomain.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Option<Subdomain>>,
    /// The target: a tunnel by id.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<Option<TunnelId>>,
    /// The target: elsewhere.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Option<Redirect>>,
    /// The target: a new service of one backend at this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
    /// Whether requests without TLS are sent to https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_to_https: Option<bool>,
    /// All of what is changed of headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderRules>,
    /// Which `Host` the backend is told.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub host_rewrite: Option<Option<HostRewrite>>,
    /// All of what stands in front of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front: Option<Front>,
}

impl DomainPatch {
    /// Makes the changes, but for the host name.
    pub fn apply(self, spec: &mut DomainSpec) {
        let mut target = spec.target();
        let change = TargetChange {
            service: self.service,
            service_id: self.service_id,
            enabled_backends_tag: self.enabled_backends_tag,
            tunnel: self.tunnel,
            tunnel_id: self.tunnel_id,
            redirect: self.redirect,
            address: self.address,
        };
        change.apply(&mut target);
        spec.set_target(target);
        spec.http_to_https = self.http_to_https.unwrap_or(spec.http_to_https);
        if let Some(headers) = self.headers {
            spec.headers = headers;
        }
        if let Some(host_rewrite) = self.host_rewrite {
            spec.host_rewrite = host_rewrite;
        }
        if let Some(front) = self.front {
            spec.front = front;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_bare_call_is_a_whole_domain() {
        let spec: DomainSpec =
            serde_json::from_str(r#"{"domain":"App.Example.com","enabled_backends_tag":"v1","http_to_https":true}"#)
                .unwrap();
        assert_eq!((spec.domain.to_string().as_str(), spec.http_to_https), ("app.example.com", true));
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(text, r#"{"domain":"app.example.com","enabled_backends_tag":"v1","http_to_https":true}"#);
        assert!(serde_json::from_str::<DomainSpec>(r#"{"domain":"a.b","tag":"v1"}"#).is_err());
    }

    #[test]
    fn null_takes_away_and_missing_stays() {
        let mut spec: DomainSpec = serde_json::from_str(
            r#"{"domain":"a.b","service":"s","enabled_backends_tag":"v1","host_rewrite":"{backend}"}"#,
        )
        .unwrap();
        let patch = |json: &str| serde_json::from_str::<DomainPatch>(json).unwrap();
        patch(r#"{"http_to_https":true}"#).apply(&mut spec);
        assert_eq!((spec.http_to_https, &spec.host_rewrite), (true, &Some(HostRewrite::Backend)));
        patch(r#"{"host_rewrite":null,"enabled_backends_tag":null}"#).apply(&mut spec);
        assert_eq!((&spec.host_rewrite, &spec.enabled_backends_tag, spec.service.is_some()), (&None, &None, true));
    }

    #[test]
    fn ownership_is_shown_beside_the_host() {
        let of = |domain: &str| Verification::of(&domain.parse().unwrap(), "abc");
        let exact = of("app.example.com");
        assert_eq!((exact.record.as_str(), exact.value.as_str()), ("_switchboard.app.example.com", "sb-verify=abc"));
        let url = "http://app.example.com/.well-known/switchboard-verification/abc";
        assert_eq!(exact.url.as_deref(), Some(url));
        assert_eq!((of("*.example.com").record.as_str(), of("*.example.com").url), ("_switchboard.example.com", None));
    }
}
