//! JSON as a tree that folds. What is looked for is marked, and what holds it is open.

use crate::inspector::{Json, Outline};
use leptos::prelude::*;

/// The most places of a tree: browsers get slow beyond.
pub const MOST_PLACES: usize = 4_000;
/// Lists and objects with more than this are folded at first.
const FOLDED: usize = 60;
/// How deep a tree is open at first; one with few places is open in all of it.
const OPEN: usize = 3;
const FEW: usize = 150;
/// The longest value that is shown whole, characters.
const LONGEST: usize = 10_000;

/// The tree.
pub fn tree(outline: &Outline, find: &str) -> AnyView {
    let lower = find.to_lowercase();
    let open = if outline.value.size() <= FEW { usize::MAX } else { OPEN };
    let note = outline.cut.then(|| view! { <p class="field-hint">"Cut off here: only the beginning was kept."</p> });
    view! {
        <div class="json">{node(None, &outline.value, open, &lower)}</div>
        {note}
    }
    .into_any()
}

/// A value; lists and objects in it are open for so many levels more.
fn node(name: Option<&str>, value: &Json, open: usize, find: &str) -> AnyView {
    let name = name.map(|name| view! { <span class="json-name">{marked(name, find)}</span> ": " });
    let (count, brackets, children) = match value {
        Json::List(items) if !items.is_empty() => {
            let children = move || {
                let items = items.iter().enumerate();
                items
                    .map(|(place, item)| node(Some(&place.to_string()), item, open.saturating_sub(1), find))
                    .collect_view()
            };
            (items.len(), ("[", "]"), children().into_any())
        }
        Json::Object(fields) if !fields.is_empty() => {
            let fields_view =
                fields.iter().map(|(name, value)| node(Some(name), value, open.saturating_sub(1), find)).collect_view();
            (fields.len(), ("{", "}"), fields_view.into_any())
        }
        _ => return view! { <div class="json-leaf">{name} {leaf(value, find)}</div> }.into_any(),
    };
    let holds = !find.is_empty() && value.contains(find);
    let is_open = holds || (open > 0 && count <= FOLDED);
    view! {
        <details open=is_open>
            <summary>{name} <span class="json-brackets">{brackets.0} " " {count} " " {brackets.1}</span></summary>
            <div class="json-inside">{children}</div>
        </details>
    }
    .into_any()
}

fn leaf(value: &Json, find: &str) -> AnyView {
    match value {
        Json::Plain(text) => view! { <span class="json-plain">{marked(text, find)}</span> }.into_any(),
        Json::Text(text) => {
            let (shown, rest) = match text.char_indices().nth(LONGEST) {
                Some((end, _)) => (&text[..end], "…\""),
                None => (text.as_str(), "\""),
            };
            view! { <span class="json-text">"\"" {marked(shown, find)} {rest}</span> }.into_any()
        }
        Json::List(_) => view! { <span class="json-brackets">"[ ]"</span> }.into_any(),
        Json::Object(_) => view! { <span class="json-brackets">"{ }"</span> }.into_any(),
        Json::Cut => view! { <span class="json-cut">"… cut off"</span> }.into_any(),
    }
}

/// A text in which what is looked for is marked.
pub fn marked(text: &str, find: &str) -> AnyView {
    pieces(text, find)
        .into_iter()
        .map(|(piece, is_found)| match is_found {
            true => view! { <mark>{piece.to_owned()}</mark> }.into_any(),
            false => piece.to_owned().into_any(),
        })
        .collect_view()
        .into_any()
}

/// The most places that are marked in one text.
const MOST_MARKS: usize = 500;

/// The text in pieces, each with whether it is what is looked for (which is in lower case).
fn pieces<'a>(text: &'a str, find: &str) -> Vec<(&'a str, bool)> {
    if find.is_empty() {
        return vec![(text, false)];
    }
    let lower = text.to_lowercase();
    if !lower.contains(find) {
        return vec![(text, false)];
    }
    // In lower case some characters have another length, and then places differ.
    if !text.is_ascii() && lower.len() != text.len() {
        return vec![(text, true)];
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, found) in lower.match_indices(find).take(MOST_MARKS) {
        let (Some(before), Some(piece)) = (text.get(from..at), text.get(at..at + found.len())) else {
            return vec![(text, true)];
        };
        pieces.extend([(before, false), (piece, true)]);
        from = at + found.len();
    }
    pieces.push((&text[from..], false));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn what_is_looked_for_is_found_whatever_its_case() {
        assert_eq!(
            pieces("a Foo, foo!", "foo"),
            [("a ", false), ("Foo", true), (", ", false), ("foo", true), ("!", false)]
        );
        assert_eq!(pieces("nothing", "foo"), [("nothing", false)]);
        assert_eq!(pieces("nothing", ""), [("nothing", false)]);
        assert_eq!(pieces("GRÖSSE ß", "grösse"), [("GRÖSSE", true), (" ß", false)]);
        assert_eq!(pieces("İstanbul", "stan"), [("İstanbul", true)]);
    }
}
