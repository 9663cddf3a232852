//! TOML, read key by key, with the place of whatever is wrong.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something that is wrong, and where. Lines and columns begin with 1; columns count characters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// All that is wrong with a text.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes what is wrong at an offset in bytes.
    pub(super) fn note(&mut self, at: usize, message: impl Into<String>) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        self.found.push(Problem { line, column, message: message.into() });
    }

    /// In the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort();
        self.found
    }
}

/// A value and its offset in the text, in bytes.
#[derive(Debug)]
pub(super) struct At<T> {
    pub value: T,
    pub at: usize,
}

/// A table of which each key is asked for once; what nobody has asked for is not known.
#[derive(Debug)]
pub(super) struct Table<'t> {
    /// Its header, for messages; empty for the whole file.
    name: String,
    entries: Vec<(At<String>, Spanned<DeValue<'t>>)>,
    asked: Vec<&'static str>,
}

impl<'t> Table<'t> {
    pub(super) fn new(name: impl Into<String>, table: DeTable<'t>) -> Self {
        let mut entries: Vec<_> = table
            .into_iter()
            .map(|(key, value)| (At { at: key.span().start, value: key.into_inner().into_owned() }, value))
            .collect();
        entries.sort_by_key(|(key, _)| key.at);
        Self { name: name.into(), entries, asked: Vec::new() }
    }

    /// All of its keys with their values, for a table whose keys are names.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (At<String>, Spanned<DeValue<'t>>)> {
        self.entries.into_iter()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(found, _)| found.value == key)
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.asked.push(key);
        let index = self.entries.iter().position(|(found, _)| found.value == key)?;
        Some(self.entries.remove(index).1)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        let value = self.take(key)?;
        let at = value.span().start;
        match value.into_inner() {
            DeValue::String(text) if !text.trim().is_empty() => Some(At { value: text.trim().to_owned(), at }),
            DeValue::String(_) => wrong(problems, at, format!("{key} is empty; leave it out instead")),
            _ => wrong(problems, at, format!("{key} is a text in quotes")),
        }
    }

    /// A text that means something.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let At { value, at } = self.text(key, problems)?;
        match parse(&value) {
            Ok(value) => Some(At { value, at }),
            Err(message) => wrong(problems, at, format!("{key}: {message}")),
        }
    }

    /// A text, or the number that it would be: ports are often written so.
    pub(super) fn text_or_number(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        let value = self.take(key)?;
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Integer(number) => Some(At { value: number.to_string(), at }),
            DeValue::String(text) => Some(At { value: text.trim().to_owned(), at }),
            _ => wrong(problems, at, format!("{key} is a text in quotes, or a number")),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
        problems: &mut Problems<'_>,
    ) -> Option<usize> {
        let value = self.take(key)?;
        let at = value.span().start;
        let number = match value.into_inner() {
            DeValue::Integer(number) => number.to_string().parse().ok().filter(|number| range.contains(number)),
            _ => None,
        };
        number.or_else(|| wrong(problems, at, format!("{key} is a number from {} to {}", range.start(), range.end())))
    }

    /// `true` or `false`; `false` when it is left out.
    pub(super) fn flag(&mut self, key: &'static str, problems: &mut Problems<'_>) -> bool {
        let Some(value) = self.take(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => {
                wrong(problems, value.span().start, format!("{key} is true or false, without quotes")).unwrap_or(false)
            }
        }
    }

    /// Notes every key that nobody has asked for.
    pub(super) fn finish(self, problems: &mut Problems<'_>) {
        for (key, _) in self.entries {
            let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let hint = match nearest(&key.value, self.asked.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known are {}", self.asked.join(", ")),
            };
            problems.note(key.at, format!("there is no key {:?}{place}; {hint}", key.value));
        }
    }
}

fn wrong<T>(problems: &mut Problems<'_>, at: usize, message: String) -> Option<T> {
    problems.note(at, message);
    None
}

/// The name that is closest to a mistyped one, when one is close enough to be meant.
pub(in crate::cli) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase().replace('-', "_");
    names
        .map(|name| (strsim::damerau_levenshtein(&text, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
