//! Names that are secret whatever the application.

use crate::names::{Kind, Names};
use std::{borrow::Cow, sync::LazyLock};

/// Names of query parameters, and of fields of forms, that are secret whatever the application; their values are always
/// masked. Those of OAuth 2.0 (RFC 6749, RFC 6750, RFC 7636), of OpenID Connect, of links that are signed for cloud stores,
/// and what else people call a key or a password. Upper and lower case are alike.
pub const SECRET_PARAMETERS: [&str; 25] = [
    "access_token",
    "accesstoken",
    "api-key",
    "api_key",
    "apikey",
    "auth_token",
    "client_assertion",
    "client_secret",
    "code_verifier",
    "id_token",
    "jwt",
    "passwd",
    "password",
    "private_token",
    "refresh_token",
    "secret",
    "session_token",
    "sig",
    "signature",
    "token",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-signature",
    "switchboard-share",
    "switchboard-ticket",
];

static SECRET: LazyLock<Names> = LazyLock::new(|| Names::new(SECRET_PARAMETERS));

/// A request's path and query, without the values of parameters that are [secret](SECRET_PARAMETERS); borrowed when there
/// are none.
pub fn masked_target(target: &str) -> Cow<'_, str> {
    SECRET.mask_text(target, Kind::Target)
}

/// Whether a query has a parameter that is [secret](SECRET_PARAMETERS), or one whose name is written so that it takes more
/// than a look to tell. Whatever [`masked_target`] masks has one.
pub fn has_secret_parameter(query: &str) -> bool {
    query.split(['&', ';', '?', '#']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_ascii()
            || name.contains(['%', '+'])
            || SECRET_PARAMETERS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_query_is_known_by_its_name_however_that_is_written() {
        let queries = ["token=x", "a=1&Access_Token=x", "a=1;sig=x", "a=/b?jwt=x", "password", "to%6ben=x", "+token=x"];
        for query in queries.into_iter().chain(["switchboard-ticket=x"]) {
            assert!(has_secret_parameter(query), "{query}");
        }
        for query in ["", "a=1", "tokens=3", "next=/login?x", "a=token", "a=%74oken", "a=b+c"] {
            assert!(!has_secret_parameter(query), "{query}");
        }
    }

    #[test]
    fn of_a_target_only_values_of_secrets_are_masked() {
        for name in SECRET_PARAMETERS {
            let target = format!("/a?b=1&{name}=of-a-visitor&c=2");
            assert_eq!(masked_target(&target), format!("/a?b=1&{name}=[masked]&c=2"));
        }
        assert_eq!(masked_target("/a?Access%5Ftoken=x"), "/a?Access%5Ftoken=[masked]");
        assert!(matches!(masked_target("/gr\u{f6}\u{df}e?b=token"), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #[test]
        fn what_is_masked_is_known(before in "[a-z=&;#?%+\u{212a}]{0,20}", name in "[+]?(to[k\u{212a}]en|%74oken|s[i+]g)") {
            let query = format!("{before}&{name}=x");
            if matches!(masked_target(&format!("/?{query}")), Cow::Owned(_)) {
                proptest::prop_assert!(has_secret_parameter(&query), "{query}");
            }
        }
    }
}
