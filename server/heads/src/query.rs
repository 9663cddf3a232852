//! What a query has for us among what it has for others.

/// The value of a parameter in a query, and the address without it, within this host: a browser takes what begins with two
/// slashes for another one.
pub fn parameter<'q>(name: &str, path: &str, query: Option<&'q str>) -> Option<(&'q str, String)> {
    let query = query?;
    let value = |part: &'q str| part.strip_prefix(name)?.strip_prefix('=');
    let found = query.split('&').find_map(value)?;
    let rest: Vec<_> = query.split('&').filter(|part| value(part).is_none()).collect();
    let path = format!("/{}", path.trim_start_matches(['/', '\\']));
    Some((found, if rest.is_empty() { path } else { format!("{path}?{}", rest.join("&")) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_on_without_its_secret_and_stays_on_its_host() {
        for (path, query, expected) in [
            ("/", "secret=sbl_x", Some(("sbl_x", "/"))),
            ("/a/b", "q=1&secret=sbl_x&r=2", Some(("sbl_x", "/a/b?q=1&r=2"))),
            ("//evil.example/", "secret=x", Some(("x", "/evil.example/"))),
            ("/\\evil.example", "secret=x", Some(("x", "/evil.example"))),
            ("/", "secret", None),
            ("/", "a=secret=x", None),
        ] {
            let found = parameter("secret", path, Some(query));
            assert_eq!(found.as_ref().map(|(value, rest)| (*value, rest.as_str())), expected, "{path}?{query}");
        }
        assert_eq!(parameter("secret", "/", None), None);
    }
}
