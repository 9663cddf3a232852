//! Paths that differ in an id only are counted as one.

/// How many segments are told apart; deeper ones are one.
const SEGMENTS: usize = 8;
/// The longest name of a group, bytes.
const LONGEST: usize = 200;
/// What stands for an id.
const ID: &str = ":id";
/// What stands for the rest.
const REST: &str = "…";

/// Writes the group that a path belongs to in place of what `group` held. A query is cut off.
pub(super) fn group_into(path: &str, group: &mut String) {
    group.clear();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.strip_prefix('/').unwrap_or(path);
    for (depth, segment) in path.split('/').enumerate() {
        group.push('/');
        let name = if is_id(segment.as_bytes()) { ID } else { segment };
        if depth == SEGMENTS || group.len() + name.len() > LONGEST - REST.len() - 1 {
            group.push_str(REST);
            return;
        }
        group.push_str(name);
    }
}

/// Whether a segment is a number, a UUID, a hash or some other token, rather than a word.
fn is_id(segment: &[u8]) -> bool {
    let (mut digits, mut hex, mut upper, mut lower, mut marks) = (0, 0, 0, 0, 0);
    for byte in segment {
        digits += usize::from(byte.is_ascii_digit());
        hex += usize::from(byte.is_ascii_hexdigit());
        upper += usize::from(byte.is_ascii_uppercase());
        lower += usize::from(byte.is_ascii_lowercase());
        marks += usize::from(matches!(byte, b'-' | b'_' | b'.' | b'~' | b'='));
    }
    let length = segment.len();
    if length == 0 || digits + upper + lower + marks < length {
        return false;
    }
    match length {
        _ if digits == length => true,
        36 if hex == 32 && [8, 13, 18, 23].iter().all(|at| segment[*at] == b'-') => true,
        // A hash, or the id of a document. Words of these letters are shorter, or without digits.
        12.. if hex == length && digits > 0 => true,
        // Base 32 and base 64 have them all mixed; words that are joined have marks between them.
        20.. if digits > 1 && upper > 0 && (lower > 0 || marks == 0) => true,
        24.. if digits > 1 && marks == 0 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(path: &str) -> String {
        let mut group = "left from before".to_owned();
        group_into(path, &mut group);
        group
    }

    #[test]
    fn ids_are_one_and_words_are_not() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("*", "/*"),
            ("/users/17?tab=mail", "/users/:id"),
            ("/users/17/", "/users/:id/"),
            ("/a/0190b2f4-1c8e-7cc0-98c4-dc0c0c07398f/b", "/a/:id/b"),
            ("/commit/9364b24d21", "/commit/9364b24d21"),
            ("/commit/9364b24d217f0c", "/commit/:id"),
            ("/o/507f1f77bcf86cd799439011", "/o/:id"),
            ("/facade/defaced", "/facade/defaced"),
            ("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/:id"),
            ("/r/dGhpcyBpcyBhIHRva2Vu0Q12", "/r/:id"),
            ("/blog/how-we-moved-100-sites-in-2026", "/blog/how-we-moved-100-sites-in-2026"),
            ("/v2/files/report-2026.pdf", "/v2/files/report-2026.pdf"),
            ("/a%20b/%31", "/a%20b/%31"),
            ("//x", "//x"),
            ("/1/2/3/4/5/6/7/8/9", "/:id/:id/:id/:id/:id/:id/:id/:id/…"),
        ] {
            assert_eq!(group(path), expected, "{path}");
        }
        assert!(group(&format!("/{}", "x y".repeat(500))).ends_with("/…"));
    }

    proptest! {
        #[test]
        fn groups_are_short_whole_and_stay_what_they_are(path in "\\PC{0,400}") {
            let once = group(&path);
            prop_assert!(once.len() <= LONGEST && once.starts_with('/'));
            prop_assert!(!once.contains('?'));
            prop_assert_eq!(group(&once), once);
        }
    }
}
