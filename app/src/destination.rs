//! Addresses of our own pages, with their query.

use url::form_urlencoded;

/// The path of a page of the dashboard with a query. Cannot lead anywhere else, and has no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(String);

impl Destination {
    /// The page at `path`, which starts with `/web` and is written in the source or made of ids.
    pub fn page(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The page that a stranger's text names: `next` of the sign-in page. `None` when it could lead elsewhere:
    /// browsers read `//host` and `/\host` as other hosts and drop tabs and line breaks from addresses.
    pub fn named(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let inside = path == "/web" || path.starts_with("/web/");
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let straight = !path.contains("//") && !path.split('/').any(|part| part == ".." || part == ".");
        (inside && plain && straight && text.len() <= 2_000).then(|| Self(text.to_owned()))
    }

    /// The same page with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        self.0.push(separator);
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        self.0.push_str(&pair);
        self
    }

    /// The same page with one more parameter, if there is a value to give that has the length of an address's part.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value.filter(|value| !value.is_empty() && value.len() <= 3_000) {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_dashboard_are_let_through() {
        for text in ["/web", "/web/tunnels?status=online&q=a%20b", "/web/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"]
        {
            assert_eq!(Destination::named(text).as_ref().map(Destination::as_str), Some(text));
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "web",
            "/",
            "/webhook",
            "//evil.example",
            "/web//evil.example",
            "/\\evil.example",
            "/web\\..\\..",
            "/web/../tunnel",
            "/web/./x",
            "https://evil.example/web",
            "javascript:alert(1)",
            "/web\n/x",
            "/web/\u{2028}",
            "/\t/evil.example",
        ] {
            assert_eq!(Destination::named(text), None, "{text:?}");
        }
        assert_eq!(Destination::named(&format!("/web/{}", "a".repeat(2_000))), None);
    }

    #[test]
    fn parameters_are_encoded() {
        let page = Destination::page("/web/login").with("email", "a+b@c.d&x=1").with_some("next", None);
        assert_eq!(page.as_str(), "/web/login?email=a%2Bb%40c.d%26x%3D1");
        assert_eq!(page.with("error", "no").as_str(), "/web/login?email=a%2Bb%40c.d%26x%3D1&error=no");
    }

    proptest::proptest! {
        #[test]
        fn what_is_let_through_stays_on_this_host(text in "/?[/\\\\a-z.:@?#]{0,12}|/web[ -~\t]{0,20}") {
            if let Some(page) = Destination::named(&text) {
                let base = url::Url::parse("http://dashboard.test/").unwrap_or_else(|error| panic!("{error}"));
                let joined = base.join(page.as_str()).unwrap_or_else(|error| panic!("{error}"));
                proptest::prop_assert_eq!(joined.host_str(), Some("dashboard.test"));
                proptest::prop_assert!(joined.path().starts_with("/web"));
            }
        }
    }
}
