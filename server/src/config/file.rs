//! The configuration file: TOML, one key a setting, each remembered with its line.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

use super::{
    error::{ConfigError, Place, Problem},
    setting,
};

/// No configuration is this long; a wrong path could name anything.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Where the file is looked for when nobody names one.
const USUAL_PLACES: [&str; 2] = ["switchboard.toml", "/etc/switchboard/switchboard.toml"];

/// The values of a file, as text, with the line of each.
pub(super) type FileValues = BTreeMap<&'static str, (String, Place)>;

/// The file that applies: the one that is named, else the first usual one that exists.
pub(super) fn choose(named: Option<(PathBuf, Place)>, folder: &Path) -> Option<(PathBuf, Option<Place>)> {
    if let Some((path, place)) = named {
        return Some((path, Some(place)));
    }
    USUAL_PLACES.iter().map(|usual| folder.join(usual)).find(|path| path.exists()).map(|path| (path, None))
}

/// Reads a file. `named_by` says who asked for it.
pub(super) fn read(
    path: &Path,
    named_by: Option<Place>,
    problems: &mut Vec<Problem>,
) -> Result<FileValues, ConfigError> {
    let named_by = named_by.unwrap_or_else(|| Place::Line { path: path.to_owned(), line: 1 });
    let text = read_bounded(path).map_err(|error| {
        ConfigError::one(
            "config",
            named_by,
            format!("{} cannot be read: {error}; name a file that can", path.display()),
        )
    })?;
    parse(path, &text, problems)
}

/// The text of a small file.
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST_FILE {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    std::fs::read_to_string(path)
}

fn parse(path: &Path, text: &str, problems: &mut Vec<Problem>) -> Result<FileValues, ConfigError> {
    let line_of = |offset: usize| 1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count();
    let at = |offset: usize| Place::Line { path: path.to_owned(), line: line_of(offset) };
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        ConfigError::one("config", at(offset), format!("this is not TOML: {}", error.message()))
    })?;
    let mut values = FileValues::new();
    let mut entries: Vec<_> = table.into_inner().into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let place = at(key.span().start);
        let key = key.into_inner();
        let Some(setting) = setting::ALL.iter().find(|setting| setting.key == key) else {
            problems.push(Problem { problem: unknown(&key), key: key.into_owned(), place });
            continue;
        };
        match text_of(value.into_inner()) {
            Some(value) => {
                values.insert(setting.key, (value, place));
            }
            None => problems.push(Problem {
                key: setting.key.to_owned(),
                place,
                problem: format!("write {} as a text in quotes, a number or a list of texts", setting.value),
            }),
        }
    }
    Ok(values)
}

fn unknown(key: &str) -> String {
    match setting::nearest(key) {
        Some(near) => format!("there is no such setting; did you mean {}?", near.key),
        None => "there is no such setting; `switchboard --help` lists all of them".to_owned(),
    }
}

/// A value as it would be written in a flag.
fn text_of(value: DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| item.get_ref().as_str()).collect::<Option<Vec<_>>>()?;
            Some(items.join(","))
        }
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
