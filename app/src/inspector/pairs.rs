//! Names with values, as queries, forms and cookies have them.

use url::form_urlencoded;

/// The most pairs that are shown of one list.
const MOST: usize = 500;

/// The query of a target, decoded.
pub fn query(target: &str) -> Vec<(String, String)> {
    let query = target.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    form(query.as_bytes())
}

/// A form (`application/x-www-form-urlencoded`), decoded.
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).take(MOST).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The cookies of a field `Cookie` (RFC 6265 section 4.2.1).
pub fn cookies(value: &str) -> Vec<(String, String)> {
    let pairs = value.split(';').map(str::trim).filter(|pair| !pair.is_empty()).take(MOST);
    pairs.map(pair).collect()
}

/// A cookie that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// `Path`, `Max-Age` and so on, as they were written.
    pub attributes: String,
}

/// The cookie of a field `Set-Cookie` (RFC 6265 section 4.1.1).
pub fn set_cookie(value: &str) -> Cookie {
    let (cookie, attributes) = value.split_once(';').unwrap_or((value, ""));
    let (name, value) = pair(cookie.trim());
    Cookie { name, value, attributes: attributes.trim().to_owned() }
}

/// What has no `=` is a value without a name.
fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or(("", text));
    (name.trim().to_owned(), value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn queries_are_decoded_in_their_order() {
        assert_eq!(query("/a?b=%C3%A4+x&a=1&a=2&flag"), owned(&[("b", "ä x"), ("a", "1"), ("a", "2"), ("flag", "")]));
        assert_eq!(query("/a"), []);
    }

    #[test]
    fn cookies_have_names_values_and_attributes() {
        assert_eq!(cookies("a=1; b=x=y; odd"), owned(&[("a", "1"), ("b", "x=y"), ("", "odd")]));
        let cookie = set_cookie("id=[masked]; Path=/; HttpOnly");
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("id", "[masked]"));
        assert_eq!(cookie.attributes, "Path=/; HttpOnly");
    }
}
