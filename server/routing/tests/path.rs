//! The form in which paths are compared.

use std::borrow::Cow;

use proptest::prelude::*;
use server_routing::path::{PathError, normalise};

#[test]
fn most_paths_are_borrowed() {
    for path in [
        "/",
        "/a/b",
        "/a/b/",
        "//a//b",
        "/index.html",
        "/.well-known/x",
        "/..a/.../a.",
        "/a;b=c/@d:e!$&'()*+,=~_-",
        "/a%2Fb",
        "/caf%C3%A9",
        "/%25",
    ] {
        assert!(matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
    }
}

#[test]
fn spellings_of_one_path_become_one() {
    for (path, normal) in [
        ("", "/"),
        ("/%61%2D%7e", "/a-~"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/a%2fb", "/a%2Fb"),
        ("/a\\..\\b", "/a%5C..%5Cb"),
        ("/a|b", "/a%7Cb"),
        // RFC 3986 section 5.2.4, and 5.4 for what climbs above the root.
        ("/a/b/c/./../../g", "/a/g"),
        ("/../g", "/g"),
        ("/../../../g", "/g"),
        ("/./g", "/g"),
        ("/g/.", "/g/"),
        ("/g/..", "/"),
        ("/a/g/..", "/a/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/a//../b", "/a/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e", "/"),
        ("/a/%2e./b", "/b"),
        ("/a/..%2Fb", "/a/..%2Fb"),
        ("/a/%2e%2e%2fb", "/a/..%2Fb"),
        ("/%252e%252e/b", "/%252e%252e/b"),
    ] {
        assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for (path, error) in [
        ("*", PathError::Relative),
        ("a/b", PathError::Relative),
        ("/%", PathError::Escape),
        ("/%4", PathError::Escape),
        ("/100%/x", PathError::Escape),
        ("/%g1", PathError::Escape),
        ("/%+1", PathError::Escape),
        ("/./%", PathError::Escape),
    ] {
        assert_eq!(normalise(path), Err(error), "{path}");
    }
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(path in "/([ab./%\\\\é]|%2[eEfF5]|%[0-9a-fA-F]{2}|.){0,24}") {
        if let Ok(once) = normalise(&path) {
            prop_assert!(matches!(normalise(&once), Ok(Cow::Borrowed(twice)) if twice == once), "{}", once);
        }
    }

    #[test]
    fn no_dot_segment_is_left(path in "(/|\\.|%2e|%2E|a){1,24}") {
        if let Ok(normal) = normalise(&path) {
            prop_assert!(normal.starts_with('/'));
            prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."), "{}", normal);
        }
    }

    #[test]
    fn an_escape_of_an_unreserved_character_makes_no_difference(path in "(/[a-c.]{1,3}){1,6}", at in 0_usize..24) {
        let at = at % path.len();
        let byte = path.as_bytes()[at];
        if byte != b'/' {
            let escaped = format!("{}%{byte:02x}{}", &path[..at], &path[at + 1..]);
            prop_assert_eq!(normalise(&escaped), normalise(&path));
        }
    }
}
