//! Routes: mounts on a domain, or on any host, with a target of their own.

use crate::{
    BackendAddress, DomainId, Front, HeaderRules, HostPattern, HostRewrite, MountPath, Redirect, RouteId, ServiceId,
    ServiceName, Subdomain, Tag, Target, TargetFields, Timestamp, TunnelId, UserId, email::Email, target::TargetChange,
    text::present,
};
use serde::{Deserialize, Serialize};

/// A route, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The domain it is on; `None`: any host that is no domain and no tunnel.
    pub domain: Option<HostPattern>,
    /// The domain's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<DomainId>,
    /// The path at and under which it serves.
    pub mount: MountPath,
    /// Whether the backend gets the path without the mount.
    pub strip_prefix: bool,
    /// Whether it serves.
    pub enabled: bool,
    /// What serves it.
    #[serde(flatten)]
    pub target: Target,
    /// What is changed of headers.
    pub headers: HeaderRules,
    /// Which `Host` the backend is told; `None`: the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_rewrite: Option<HostRewrite>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// All that an owner decides about a route: asked for when it is created, kept by its revisions, exported and applied.
///
/// A tag without a service is one of the service `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Whose it is; the domain's owner when it is missing, for any host who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// The domain it is on; missing: any host, which only administrators may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<HostPattern>,
    /// The path at and under which it serves.
    pub mount: MountPath,
    /// Whether the backend gets the path without the mount.
    #[serde(default)]
    pub strip_prefix: bool,
    /// Whether it serves.
    #[serde(default = "enabled")]
    pub enabled: bool,
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

fn enabled() -> bool {
    true
}

impl RouteSpec {
    /// A route without a target yet.
    pub fn new(domain: Option<HostPattern>, mount: MountPath) -> Self {
        Self {
            owner: None,
            domain,
            mount,
            strip_prefix: false,
            enabled: true,
            service: None,
            service_id: None,
            enabled_backends_tag: None,
            tunnel: None,
            tunnel_id: None,
            redirect: None,
            address: None,
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

/// What is to be changed of a route; what is missing stays, null takes away. Naming another target replaces the old one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RoutePatch {
    /// Another domain; null: any host.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub domain: Option<Option<HostPattern>>,
    /// Another path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountPath>,
    /// Whether the backend gets the path without the mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<bool>,
    /// Whether it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
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

impl RoutePatch {
    /// Makes the changes.
    pub fn apply(self, spec: &mut RouteSpec) {
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
        if let Some(domain) = self.domain {
            spec.domain = domain;
        }
        if let Some(mount) = self.mount {
            spec.mount = mount;
        }
        spec.strip_prefix = self.strip_prefix.unwrap_or(spec.strip_prefix);
        spec.enabled = self.enabled.unwrap_or(spec.enabled);
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
    fn a_route_is_enabled_unless_it_says_otherwise() {
        let spec: RouteSpec =
            serde_json::from_str(r#"{"domain":"a.b","mount":"/api","service":"s","enabled_backends_tag":"v1"}"#)
                .unwrap();
        assert!(spec.enabled && !spec.strip_prefix && spec.owner.is_none());
        let any: RouteSpec = serde_json::from_str(r#"{"mount":"/api","redirect":{"to":"/"}}"#).unwrap();
        assert_eq!(any.domain, None);
        assert!(serde_json::from_str::<RouteSpec>(r#"{"mount":"/api","path":"/"}"#).is_err());
    }

    #[test]
    fn a_patch_moves_a_route() {
        let mut spec: RouteSpec =
            serde_json::from_str(r#"{"domain":"a.b","mount":"/api","service":"s","enabled_backends_tag":"v1"}"#)
                .unwrap();
        let patch: RoutePatch = serde_json::from_str(r#"{"mount":"/v2","domain":null,"tunnel":"blog"}"#).unwrap();
        patch.apply(&mut spec);
        assert_eq!((spec.mount.as_str(), &spec.domain, &spec.service), ("/v2", &None, &None));
        assert_eq!(spec.tunnel.unwrap().as_str(), "blog");
    }
}
