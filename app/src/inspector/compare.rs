//! What differs between two bodies: JSON by its structure, text by lines. All of it is bounded.

use super::Json;
use similar::{ChangeTag, TextDiff};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The most places of one side's JSON that are compared.
const MOST_PLACES: usize = 20_000;
/// The most differences that are told.
const MOST_TOLD: usize = 500;
/// The longest text of a line or a value, characters.
const LONGEST: usize = 500;
/// How long two texts may be compared; what is left is then told as replaced.
const PATIENCE: Duration = Duration::from_millis(200);
/// Lines around a difference.
const AROUND: usize = 3;

/// A place of the JSON that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where: names and places, joined by dots.
    pub path: String,
    /// What the first has there; `None`: nothing.
    pub before: Option<String>,
    /// What the second has.
    pub after: Option<String>,
}

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Same(String),
    /// Only in the first.
    Removed(String),
    /// Only in the second.
    Added(String),
    /// Lines that are alike were left out.
    Gap,
}

/// What differs in structure, by place; and whether that is all.
pub fn changes(before: &Json, after: &Json) -> (Vec<Change>, bool) {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    let mut room = MOST_PLACES;
    flatten(&mut Vec::new(), before, &mut old, &mut room);
    let mut is_all = room > 0;
    room = MOST_PLACES;
    flatten(&mut Vec::new(), after, &mut new, &mut room);
    is_all &= room > 0;
    let mut paths: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    let sides = paths.into_iter().map(|path| {
        let (before, after) = (old.remove(&path), new.remove(&path));
        Change { path: written(&path), before, after }
    });
    let mut changes: Vec<_> = sides.filter(|change| change.before != change.after).take(MOST_TOLD + 1).collect();
    is_all &= changes.len() <= MOST_TOLD;
    changes.truncate(MOST_TOLD);
    for side in changes.iter_mut().flat_map(|change| [&mut change.before, &mut change.after]).flatten() {
        *side = short(side);
    }
    (changes, is_all)
}

/// A step into JSON. Places in lists are numbers, so that they are in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Place(usize),
    /// The name, and the how manieth of this name it is.
    Name(String, usize),
}

fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Place(place) => text.push_str(&format!("[{place}]")),
            Step::Name(name, _) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
        }
    }
    if text.is_empty() { "all of it".into() } else { short(&text) }
}

fn flatten(path: &mut Vec<Step>, value: &Json, places: &mut BTreeMap<Vec<Step>, String>, room: &mut usize) {
    if *room == 0 {
        return;
    }
    *room -= 1;
    let text = match value {
        Json::Object(fields) if !fields.is_empty() => {
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            for (name, value) in fields {
                let count = seen.entry(name).or_default();
                path.push(Step::Name(name.clone(), *count));
                *count += 1;
                flatten(path, value, places, room);
                path.pop();
            }
            return;
        }
        Json::List(items) if !items.is_empty() => {
            for (place, item) in items.iter().enumerate() {
                path.push(Step::Place(place));
                flatten(path, item, places, room);
                path.pop();
            }
            return;
        }
        Json::Object(_) => "{}".to_owned(),
        Json::List(_) => "[]".to_owned(),
        Json::Plain(text) => text.clone(),
        Json::Text(text) => format!("\"{text}\""),
        Json::Cut => "… cut off".to_owned(),
    };
    places.insert(path.clone(), text);
}

/// What differs line by line, with some lines around; and whether that is all.
pub fn lines(before: &str, after: &str) -> (Vec<Line>, bool) {
    let diff = TextDiff::configure().deadline(Instant::now() + PATIENCE).diff_lines(before, after);
    let mut lines = Vec::new();
    for (place, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if place > 0 || group.first().is_some_and(|op| op.old_range().start > 0) {
            lines.push(Line::Gap);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if lines.len() >= MOST_TOLD {
                return (lines, false);
            }
            let text = short(change.value().trim_end_matches(['\n', '\r']));
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Same(text),
                ChangeTag::Delete => Line::Removed(text),
                ChangeTag::Insert => Line::Added(text),
            });
        }
    }
    (lines, true)
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::inspector::Outline;

    fn told(before: &str, after: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let read = |text| Outline::of(text, false).unwrap().value;
        let (changes, is_all) = changes(&read(before), &read(after));
        assert!(is_all);
        changes.into_iter().map(|change| (change.path, change.before, change.after)).collect()
    }

    #[test]
    fn json_is_compared_by_place_whatever_its_order() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told(r#"{"a":1,"b":[1,2]}"#, r#"{ "b":[1,2], "a":1 }"#), []);
        assert_eq!(
            told(r#"{"a":1,"b":[{"c":"x"},2]}"#, r#"{"a":1.0,"b":[{"c":"y"}],"d":{}}"#),
            [
                ("a".into(), some("1"), some("1.0")),
                ("b[0].c".into(), some("\"x\""), some("\"y\"")),
                ("b[1]".into(), some("2"), None),
                ("d".into(), None, some("{}")),
            ]
        );
        assert_eq!(told("1", "2"), [("all of it".into(), some("1"), some("2"))]);
    }

    #[test]
    fn text_is_compared_by_lines() {
        let before: String = (0..20).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 10\n", "line ten\nand more\n");
        let (lines, is_all) = lines(&before, &after);
        assert!(is_all);
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::Same(_))).count(), 6);
        assert!(lines.contains(&Line::Removed("line 10".into())) && lines.contains(&Line::Added("and more".into())));
        assert_eq!(lines.first(), Some(&Line::Gap));
        assert_eq!(super::lines("same\n", "same\n"), (vec![], true));
    }

    #[test]
    fn much_is_bounded() {
        let list = |n: usize| format!("[{}]", (0..40_000).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(","));
        let read = |text: &str| Outline::of(text, false).unwrap().value;
        let (changes, is_all) = changes(&read(&list(1)), &read(&list(2)));
        assert_eq!((changes.len(), is_all), (MOST_TOLD, false));
        let text = |n: usize| (0..20_000).map(|i| format!("{}\n", i * n)).collect::<String>();
        assert!(!lines(&text(3), &text(7)).1);
    }
}
