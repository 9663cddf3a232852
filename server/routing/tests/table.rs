//! Which target a host and a path lead to, also against a reference that is too simple to be wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{HostPattern, MountPath};
use proptest::prelude::*;
use server_routing::{Builder, Found, HostMatch, Refused, Step, Table};

/// Hosts are written `app.example.com` and `*.example.com`, any host is `-`; a line without mount is the own target.
fn table(lines: &[&'static str]) -> Table<&'static str> {
    let mut builder = Builder::new();
    for line in lines.iter().copied() {
        enter(&mut builder, line, line).unwrap();
    }
    builder.build()
}

fn enter<T: Clone>(builder: &mut Builder<T>, line: &str, target: T) -> Result<(), Refused> {
    let (host, mount) = line.split_at(line.find('/').unwrap_or(line.len()));
    let host = (host != "-").then(|| host.parse::<HostPattern>().unwrap());
    match (&host, mount) {
        (Some(host), "") => builder.host(host, Some(target)),
        (host, mount) => builder.mount(host.as_ref(), &mount.parse::<MountPath>().unwrap(), target),
    }
}

#[test]
fn the_most_specific_host_decides() {
    let table = table(&["app.example.com", "*.example.com", "*.a.example.com", "*.com", "-/"]);
    for (host, line, kind) in [
        ("app.example.com", "app.example.com", HostMatch::Exact),
        ("x.example.com", "*.example.com", HostMatch::Wildcard),
        ("x.app.example.com", "*.example.com", HostMatch::Wildcard),
        ("x.a.example.com", "*.a.example.com", HostMatch::Wildcard),
        ("x.y.a.example.com", "*.a.example.com", HostMatch::Wildcard),
        ("a.example.com", "*.example.com", HostMatch::Wildcard),
        ("example.com", "*.com", HostMatch::Wildcard),
        ("com", "-/", HostMatch::Any),
        (".com", "-/", HostMatch::Any),
        ("", "-/", HostMatch::Any),
    ] {
        let found = table.find(host, "/x").unwrap();
        assert_eq!((*found.target, found.host, found.mount_len), (line, kind, 0), "{host}");
    }
}

#[test]
fn a_host_that_is_known_never_falls_back_to_a_less_specific_one() {
    let mut builder = Builder::new();
    for line in ["app.example.com/api", "*.example.com", "-/"] {
        enter(&mut builder, line, line).unwrap();
    }
    builder.host(&"bare.example.com".parse().unwrap(), None).unwrap();
    let table = builder.build();
    assert!(table.find("app.example.com", "/other").is_none());
    assert!(table.find("bare.example.com", "/").is_none());
    assert!(table.find("x.example.com", "/other").is_some());
}

#[test]
fn a_mount_covers_what_lies_under_it_and_the_own_target_serves_the_rest() {
    let table = table(&["a.test", "a.test/api", "a.test/app/v1", "a.test/app/v2", "-/any/where"]);
    for (host, path, line, mount_len) in [
        ("a.test", "/api", "a.test/api", 4),
        ("a.test", "/api/", "a.test/api", 4),
        ("a.test", "/api/x/y", "a.test/api", 4),
        ("a.test", "/api//x", "a.test/api", 4),
        ("a.test", "/apix", "a.test", 0),
        ("a.test", "//api", "a.test", 0),
        ("a.test", "/", "a.test", 0),
        ("a.test", "/app/v2/x", "a.test/app/v2", 7),
        ("a.test", "/app/v3", "a.test", 0),
        ("a.test", "/app", "a.test", 0),
        ("a.test", "/any/where", "a.test", 0),
        ("a.test", "*", "a.test", 0),
        ("b.test", "/any/where/", "-/any/where", 10),
    ] {
        let found = table.find(host, path).unwrap();
        assert_eq!((*found.target, found.mount_len), (line, mount_len), "{host}{path}");
    }
    assert!(table.find("b.test", "/any").is_none());
    assert!(table.find("b.test", "*").is_none());
}

#[test]
fn a_wildcard_and_the_host_of_the_same_name_have_mounts_of_their_own() {
    let table = table(&["example.com/api", "*.example.com/api", "-/api"]);
    for (host, line) in [("example.com", "example.com/api"), ("a.example.com", "*.example.com/api"), ("b.org", "-/api")]
    {
        assert_eq!(*table.find(host, "/api/x").unwrap().target, line);
    }
}

#[test]
fn mounts_that_overlap_are_refused_with_the_one_in_the_way() {
    for (existing, new) in
        [("/api", "/api"), ("/api", "/api/v1"), ("/api/v1/x", "/api"), ("/", "/api"), ("/api", "/"), ("/", "/")]
    {
        for host in ["a.test", "*.test", "-"] {
            let mut builder = Builder::new();
            enter(&mut builder, &format!("{host}{existing}"), 1).unwrap();
            let refused = Refused::Overlap { existing: existing.to_owned(), new: new.parse().unwrap() };
            assert_eq!(enter(&mut builder, &format!("{host}{new}"), 2), Err(refused));
            for other in ["b.test", "*.a.test"] {
                enter(&mut builder, &format!("{other}{new}"), 3).unwrap();
            }
            let table = builder.build();
            let host = host.replace('*', "x");
            assert_eq!(table.find(&host, existing).map(|found| *found.target), Some(1));
        }
    }
}

#[test]
fn a_host_has_one_target_of_its_own() {
    let mut builder = Builder::new();
    let host = "a.test".parse().unwrap();
    builder.host(&host, None).unwrap();
    builder.host(&host, Some(1)).unwrap();
    builder.host(&host, None).unwrap();
    assert_eq!(builder.host(&host, Some(2)), Err(Refused::Taken(host)));
    assert_eq!(builder.build().find("a.test", "/").map(|found| *found.target), Some(1));
}

#[test]
fn mounts_may_be_as_deep_as_their_length_allows() {
    let deep = "/a".repeat(256);
    let mut builder = Builder::new();
    builder.mount(None, &deep.parse().unwrap(), 1).unwrap();
    builder.mount(None, &"/b".repeat(100).parse().unwrap(), 2).unwrap();
    let table = builder.build();
    assert_eq!(table.find("x", &format!("{deep}/a/a")).map(|found| found.mount_len), Some(512));
    assert_eq!(table.find("x", &"/b".repeat(4000)).map(|found| found.mount_len), Some(200));
    assert!(table.find("x", &"/b".repeat(99)).is_none());
}

#[test]
fn explaining_tells_what_was_asked_in_order() {
    let table = table(&["*.test", "*.test/a/b", "*.c.x.test", "-/a"]);
    let (found, steps) = table.explain("c.x.test", "/a/c");
    assert_eq!(found.map(|found| *found.target), Some("*.test"));
    assert_eq!(
        steps,
        [
            Step::Host { name: "c.x.test", found: false },
            Step::Wildcard { name: "x.test", found: false },
            Step::Wildcard { name: "test", found: true },
            Step::Mount { path: "/a/b".replace('b', "c").as_str(), found: false },
            Step::OwnTarget { found: true },
        ]
    );
    let (found, steps) = table.explain("other", "/a/x");
    assert_eq!(found.map(|found| *found.target), Some("-/a"));
    assert_eq!(
        steps,
        [
            Step::Host { name: "other", found: false },
            Step::AnyHost { found: true },
            Step::Mount { path: "/a", found: true },
        ]
    );
}

/// The rules as a list that is gone through from the front.
#[derive(Debug, Default)]
struct Reference {
    rules: Vec<(Option<HostPattern>, Option<MountPath>)>,
}

impl Reference {
    /// Whether the rule fits to those that are there.
    fn enter(&mut self, host: Option<HostPattern>, mount: Option<MountPath>) -> bool {
        let taken = self.rules.iter().any(|(other_host, other)| {
            *other_host == host
                && match (other, &mount) {
                    (Some(other), Some(mount)) => other.overlaps(mount),
                    (other, mount) => other.is_none() && mount.is_none(),
                }
        });
        if !taken {
            self.rules.push((host, mount));
        }
        !taken
    }

    fn find(&self, host: &str, path: &str) -> Option<(usize, usize)> {
        let exactness = |pattern: &Option<HostPattern>| match pattern {
            Some(pattern) if !pattern.matches(host) => None,
            Some(HostPattern::Exact(_)) => Some(usize::MAX),
            Some(HostPattern::Wildcard(name)) => Some(name.as_str().len()),
            None => Some(0),
        };
        let best = self.rules.iter().filter_map(|(pattern, _)| exactness(pattern)).max()?;
        let of_host = |(pattern, _): &(Option<HostPattern>, _)| exactness(pattern) == Some(best);
        let covers = |(_, mount): &(_, Option<MountPath>)| mount.as_ref().is_some_and(|mount| mount.covers(path));
        let mounted = self.rules.iter().position(|rule| of_host(rule) && covers(rule));
        if let Some(at) = mounted {
            let mount = self.rules[at].1.as_ref().unwrap();
            return Some((at, if mount.is_root() { 0 } else { mount.as_str().len() }));
        }
        self.rules.iter().position(|rule| of_host(rule) && rule.1.is_none()).map(|at| (at, 0))
    }
}

fn any_host() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]|c1", 1..4).prop_map(|labels| labels.join("."))
}

fn any_pattern() -> impl Strategy<Value = Option<HostPattern>> {
    let exact = any_host().prop_map(|name| Some(name.parse().unwrap()));
    let wildcard = any_host().prop_map(|name| Some(format!("*.{name}").parse().unwrap()));
    prop_oneof![2 => exact, 2 => wildcard, 1 => Just(None)]
}

fn any_mount() -> impl Strategy<Value = MountPath> {
    "(/[ab]{1,2}){1,4}|/".prop_map(|text| text.parse().unwrap())
}

fn plain<T>(found: Found<'_, T>) -> (&T, usize, HostMatch, bool) {
    (found.target, found.mount_len, found.host, found.is_alone)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_table_agrees_with_a_list(
        rules in proptest::collection::vec((any_pattern(), proptest::option::weighted(0.8, any_mount())), 0..40),
        requests in proptest::collection::vec((any_host(), "(/[ab]{0,2}){1,5}"), 40),
    ) {
        let (mut reference, mut builder) = (Reference::default(), Builder::new());
        for (host, mount) in rules {
            let at = reference.rules.len();
            let result = match (&host, &mount) {
                (None, None) => continue,
                (host, Some(mount)) => builder.mount(host.as_ref(), mount, at),
                (Some(host), None) => builder.host(host, Some(at)),
            };
            prop_assert_eq!(reference.enter(host, mount), result.is_ok());
        }
        let table = builder.build();
        for (host, path) in &requests {
            let found = table.find(host, path).map(|found| (*found.target, found.mount_len));
            prop_assert_eq!(found, reference.find(host, path), "{}{}", host, path);
            let explained = table.explain(host, path).0.map(|found| (*found.target, found.mount_len));
            prop_assert_eq!(explained, found);
        }
    }

    #[test]
    fn a_table_that_was_changed_is_as_one_made_at_once(
        edits in proptest::collection::vec(
            (any_pattern(), proptest::option::weighted(0.8, any_mount()), proptest::bool::weighted(0.4)),
            0..80,
        ),
        requests in proptest::collection::vec((any_host(), "(/[ab]{0,2}){1,5}"), 40),
        steps in 1usize..10,
    ) {
        let (mut reference, mut changed, mut earlier) = (Reference::default(), Builder::new(), Vec::new());
        for (number, (host, mount, removed)) in edits.into_iter().enumerate() {
            if host.is_none() && mount.is_none() {
                continue;
            }
            let at = reference.rules.iter().position(|rule| *rule == (host.clone(), mount.clone()));
            match (removed, at, &host, &mount) {
                (true, at, host, Some(mount)) => {
                    changed.remove_mount(host.as_ref(), mount);
                    at.map(|at| reference.rules.remove(at));
                }
                (true, at, Some(host), None) => {
                    changed.remove_host(host);
                    at.map(|at| reference.rules.remove(at));
                }
                (_, _, host, Some(mount)) => {
                    let entered = changed.mount(host.as_ref(), mount, (host.clone(), Some(mount.clone())));
                    prop_assert_eq!(reference.enter(host.clone(), Some(mount.clone())), entered.is_ok());
                }
                (_, _, Some(host), None) => {
                    let entered = changed.host(host, Some((Some(host.clone()), None)));
                    prop_assert_eq!(reference.enter(Some(host.clone()), None), entered.is_ok());
                }
                (_, _, None, None) => {}
            }
            if number % steps == 0 {
                earlier.push((changed.table(), reference.rules.clone()));
            }
        }
        earlier.push((changed.table(), reference.rules));
        // All of them, also those that others were made from since.
        for (table, rules) in earlier {
            let mut at_once = Builder::new();
            for rule in &rules {
                match rule {
                    (host, Some(mount)) => at_once.mount(host.as_ref(), mount, rule.clone()).unwrap(),
                    (Some(host), None) => at_once.host(host, Some(rule.clone())).unwrap(),
                    (None, None) => {}
                }
            }
            let at_once = at_once.build();
            for (host, path) in &requests {
                let (found, steps) = table.explain(host, path);
                let (expected, expected_steps) = at_once.explain(host, path);
                prop_assert_eq!(found.map(plain), expected.map(plain), "{}{}", host, path);
                prop_assert_eq!(steps, expected_steps);
            }
        }
    }
}

#[test]
fn a_table_that_grew_from_nothing_finds_all_and_only_what_is_there() {
    let mut builder = Builder::new();
    let host = |number: u32| format!("h{number}.test").parse::<HostPattern>().unwrap();
    let mut tables = Vec::new();
    for number in 0..40_000 {
        builder.mount(Some(&host(number)), &"/a".parse().unwrap(), number).unwrap();
        if number % 8_000 == 7 {
            tables.push((builder.table(), number));
        }
    }
    for number in (0..40_000).filter(|number| number % 3 == 0) {
        builder.remove_mount(Some(&host(number)), &"/a".parse().unwrap());
    }
    let last = builder.table();
    for number in 0..40_000 {
        let host = format!("h{number}.test");
        let kept = (number % 3 != 0).then_some(number);
        assert_eq!(last.find(&host, "/a/b").map(|found| *found.target), kept);
        for (table, newest) in &tables {
            assert_eq!(table.find(&host, "/a").is_some(), number <= *newest);
        }
    }
}

/// Few mounts of a host are kept otherwise than many.
#[test]
fn a_host_may_come_to_have_many_mounts_and_few_again() {
    for host in ["a.b.test", "*.b.test", "-"] {
        let mut builder = Builder::new();
        let pattern = (host != "-").then(|| host.parse::<HostPattern>().unwrap());
        let mount = |number: usize| format!("/m{number}{}", "/x".repeat(number % 5)).parse::<MountPath>().unwrap();
        let mut entered = Vec::new();
        let numbers = (0..30).map(|number| (number, true)).chain((0..29).map(|number| (number, false)));
        for (number, is_new) in numbers.chain([(7, true)]) {
            let (mount_of, pattern) = (mount(number), pattern.as_ref());
            if is_new {
                builder.mount(pattern, &mount_of, (number, 0)).unwrap();
                let taken = Refused::Overlap { existing: mount_of.to_string(), new: mount_of.clone() };
                assert_eq!(builder.mount(pattern, &mount_of, (number, 1)), Err(taken));
                entered.push(number);
            } else {
                builder.remove_mount(pattern, &mount_of);
                entered.retain(|other| *other != number);
            }
            assert!(!builder.replace_mount(pattern, &mount(number + 100), (number, 2)));
            assert_eq!(builder.replace_mount(pattern, &mount_of, (number, 3)), is_new);
            let table = builder.table();
            assert_eq!(table.size(), (usize::from(host != "-"), entered.len()));
            for number in 0..30 {
                let target = entered.contains(&number).then_some((number, 3));
                let mount = mount(number);
                let found = table.find("a.b.test", &format!("{mount}/y"));
                assert_eq!(
                    found.map(|found| (*found.target, found.mount_len)),
                    target.map(|t| (t, mount.as_str().len()))
                );
                assert_eq!(table.entered(pattern, Some(&mount)).copied(), target);
            }
        }
        entered.iter().for_each(|number| builder.remove_mount(pattern.as_ref(), &mount(*number)));
        assert_eq!(builder.table().size(), (0, 0));
    }
}
