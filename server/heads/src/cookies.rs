//! Cookies, by the names that browsers know them by (RFC 6265 section 4.2).

use http::{HeaderMap, HeaderValue, header};

/// Whether one of the request's cookies has this name, written out.
pub fn has_cookie(headers: &HeaderMap, wanted: &str) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|pair| name(pair) == Some(wanted))
}

/// Leaves one cookie of this name at most, and none whose name is encoded. Libraries decode names (`%5F_Host-x`), but
/// browsers give the `__Host-` prefix its meaning only where it is written out: by another spelling a sibling of the host
/// could plant a cookie after all. Two of one name are nobody's: no browser has two of one host.
pub fn only_plain(headers: &mut HeaderMap, single: &str) {
    let lines: Vec<&str> = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).collect();
    let cookies = || lines.iter().flat_map(|line| line.split(';'));
    let is_single = |pair: &&str| name(pair) == Some(single);
    let is_encoded = |pair: &&str| name(pair).is_some_and(|name| name.contains('%'));
    let is_repeated = cookies().filter(is_single).count() > 1;
    if is_repeated || cookies().any(|pair| is_encoded(&pair)) {
        let is_dropped = |pair: &&str| is_encoded(pair) || is_repeated && is_single(pair);
        let kept = cookies().filter(|pair| !is_dropped(pair)).map(str::trim).collect::<Vec<_>>().join("; ");
        headers.remove(header::COOKIE);
        if let Some(kept) = HeaderValue::try_from(kept).ok().filter(|kept| !kept.is_empty()) {
            headers.insert(header::COOKIE, kept);
        }
    }
}

/// The values of the cookies with this name that have so many bytes at most, as they were sent.
pub fn cookie_values<'h>(headers: &'h HeaderMap, name: &'static str, longest: usize) -> impl Iterator<Item = &'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(pairs);
    let named = pairs.filter(move |(found, value)| *found == name.as_bytes() && value.len() <= longest);
    named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
}

/// Takes the cookies out of a request whose names are taken for ours; others stay as they are.
pub fn take_cookies_out(headers: &mut HeaderMap, is_ours: impl Fn(&[u8]) -> bool) {
    if !headers.get_all(header::COOKIE).iter().flat_map(pairs).any(|(name, _)| is_ours(name)) {
        return;
    }
    let ours = |pair: &&[u8]| is_ours(pair.trim_ascii().split(|byte| *byte == b'=').next().unwrap_or_default());
    let fields: Vec<_> = headers.get_all(header::COOKIE).iter().cloned().collect();
    headers.remove(header::COOKIE);
    for field in fields {
        let kept: Vec<_> = field.as_bytes().split(|byte| *byte == b';').filter(|pair| !ours(pair)).collect();
        let kept = kept.join(&b';');
        if let Some(value) = HeaderValue::from_bytes(kept.trim_ascii()).ok().filter(|value| !value.is_empty()) {
            headers.append(header::COOKIE, value);
        }
    }
}

fn pairs(field: &HeaderValue) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.as_bytes().split(|byte| *byte == b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..equals], &pair[equals + 1..]))
    })
}

fn name(pair: &str) -> Option<&str> {
    pair.split_once('=').map(|(name, _)| name.trim())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_left_has_one_meaning() {
        for (lines, left) in [
            (&["a=1; b=2"][..], Some("a=1; b=2")),
            (&["s=1"], Some("s=1")),
            (&["s=1; s=2; a=%20"], Some("a=%20")),
            (&["s=1", "a=1", " s =2"], Some("a=1")),
            (&["%73=1; a=1;"], Some("a=1; ")),
            (&["%73=1"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            only_plain(&mut headers, "s");
            assert_eq!(headers.get(header::COOKIE).map(|line| line.to_str().unwrap()), left, "{lines:?}");
        }
    }

    #[test]
    fn only_ours_are_taken_out() {
        for (fields, expected) in [
            (vec!["a=1; ours=x; b=2"], vec!["a=1; b=2"]),
            (vec!["__Host-ours=x"], vec![]),
            (vec!["a=1", "ours=x", "b=\"2\"; c"], vec!["a=1", "b=\"2\"; c"]),
            (vec!["a=ours=x ;b"], vec!["a=ours=x ;b"]),
        ] {
            let mut headers: HeaderMap = fields.iter().map(|field| (header::COOKIE, field.parse().unwrap())).collect();
            take_cookies_out(&mut headers, |name| [&b"ours"[..], b"__Host-ours"].contains(&name));
            let left: Vec<_> = headers.get_all(header::COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(left, expected, "{fields:?}");
        }
    }
}
