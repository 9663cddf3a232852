//! Which tenant a request is for, from its `Host`.
//!
//! A switchboard knows services, not tenants: `*.auth.example.com` leads to one service whatever the tenant, and `Host`
//! reaches it as the client has sent it. The application finds its tenant with [`resolve`].

use std::borrow::Cow;

/// The longest label of a host name, bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// The tenant that `host` names under `base`: the one label in front of it, in lower case.
///
/// `host` is the value of a `Host` header field or an authority; its port and a trailing dot do not matter, and neither
/// does its case (RFC 9110 section 4.2.3), so that one tenant is always the same text. Under another base, under `base`
/// itself, with more than one label in front of it, or with one that can be no host name, there is no tenant.
///
/// ```
/// use telephone::tenant::resolve;
///
/// assert_eq!(resolve("tenant1.auth.local", "auth.local").as_deref(), Some("tenant1"));
/// assert_eq!(resolve("Tenant1.Auth.Local.:8443", "auth.local").as_deref(), Some("tenant1"));
/// assert_eq!(resolve("auth.local", "auth.local"), None);
/// assert_eq!(resolve("tenant1.evil-auth.local", "auth.local"), None);
/// ```
pub fn resolve<'h>(host: &'h str, base: &str) -> Option<Cow<'h, str>> {
    let name = without_port(host)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let base = base.strip_suffix('.').unwrap_or(base);
    let (front, end) = name.split_at_checked(name.len().checked_sub(base.len())?)?;
    let tenant = front.strip_suffix('.').filter(|_| !base.is_empty() && end.eq_ignore_ascii_case(base))?;
    let is_label = (1..=MAX_LABEL).contains(&tenant.len())
        && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !tenant.starts_with('-')
        && !tenant.ends_with('-');
    match is_label {
        false => None,
        true if tenant.bytes().any(|byte| byte.is_ascii_uppercase()) => Some(tenant.to_ascii_lowercase().into()),
        true => Some(tenant.into()),
    }
}

/// The name in an authority without user information; `None` when what follows the colon is no port.
fn without_port(host: &str) -> Option<&str> {
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) => (port.is_empty() || port.parse::<u16>().is_ok()).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn one_label_in_front_of_the_base_is_the_tenant() {
        for host in ["tenant1.auth.local", "TENANT1.AUTH.LOCAL", "tenant1.auth.local.", "tenant1.auth.local:8443"] {
            assert_eq!(resolve(host, "auth.local").as_deref(), Some("tenant1"), "{host}");
            assert_eq!(resolve(host, "Auth.Local.").as_deref(), Some("tenant1"), "{host}");
        }
        assert_eq!(resolve("xn--bcher-kva.auth.local", "auth.local").as_deref(), Some("xn--bcher-kva"));
    }

    #[test]
    fn everything_else_is_no_tenant() {
        for host in [
            "",
            ".",
            "auth.local",
            ".auth.local",
            "tenant1auth.local",
            "tenant1.auth.local.evil",
            "tenant1.evil.local",
            "a.b.auth.local",
            "-a.auth.local",
            "a-.auth.local",
            "a b.auth.local",
            "user@a.auth.local",
            "tenant1.auth.local:http",
            "tenant1.auth.local:99999",
            "ä.auth.local",
            "[::1]",
        ] {
            assert_eq!(resolve(host, "auth.local"), None, "{host:?}");
        }
        assert_eq!(resolve("tenant1.auth.local", ""), None);
        let long = format!("{}.auth.local", "a".repeat(64));
        assert_eq!(resolve(&long, "auth.local"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_given_a_tenant_is_one_label_in_lower_case(host in ".{0,80}", base in "[a-z.]{0,20}") {
            if let Some(tenant) = resolve(&host, &base) {
                proptest::prop_assert!(!tenant.contains('.') && !tenant.is_empty());
                let again = format!("{tenant}.{base}");
                proptest::prop_assert_eq!(resolve(&again, &base), Some(tenant));
            }
        }
    }
}
