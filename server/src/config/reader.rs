//! Brings flags, environment and file together, and reads values out of them.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    error::{ConfigError, Place, Problem},
    file,
    flags::Flags,
    setting::{self, PREFIX, Setting},
};

/// What applies to each setting, and what was wrong with it so far.
pub(super) struct Reader {
    values: BTreeMap<&'static str, (String, Place)>,
    problems: Vec<Problem>,
    /// Variables that look like ours and are not.
    pub(super) warnings: Vec<String>,
}

impl Reader {
    /// Flag, else variable, else file.
    pub(super) fn gather(
        flags: &Flags,
        environment: &BTreeMap<String, String>,
        folder: PathBuf,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let named = match (&flags.config, environment.get("SWITCHBOARD_CONFIG").filter(|path| !path.is_empty())) {
            (Some(path), _) => Some((path.clone(), Place::Flag("--config".to_owned()))),
            (None, Some(path)) => Some((PathBuf::from(path), Place::Variable("SWITCHBOARD_CONFIG".to_owned()))),
            (None, None) => None,
        };
        let mut values = match file::choose(named, &folder) {
            Some((path, named_by)) => file::read(&path, named_by, &mut problems)?,
            None => BTreeMap::new(),
        };
        for setting in setting::ALL {
            if let Some(found) = from_environment(setting, environment, &mut problems) {
                values.insert(setting.key, found);
            }
            if let Some(value) = flags.values.get(setting.key) {
                values.insert(setting.key, (value.clone(), Place::Flag(format!("--{}", setting.flag()))));
            }
        }
        Ok(Self { values, problems, warnings: suspicious(environment) })
    }

    /// The value of a setting, or `default`. A value that cannot be parsed is noted, and `default` stands in for it
    /// until [`Reader::finish`] reports it.
    pub(super) fn take<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
        default: T,
    ) -> T {
        self.take_optional(setting, parse).unwrap_or(default)
    }

    /// The same for a setting that may be left out.
    pub(super) fn take_optional<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (value, _) = self.values.get(setting.key)?;
        match parse(value.trim()) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refuse(setting, problem);
                None
            }
        }
    }

    /// Notes that a setting cannot stay as it is.
    pub(super) fn refuse(&mut self, setting: &Setting, problem: String) {
        let place = self.values.get(setting.key).map_or(Place::Default, |(_, place)| place.clone());
        self.problems.push(Problem { key: setting.key.to_owned(), place, problem });
    }

    /// Where a setting's value came from.
    pub(super) fn place(&self, setting: &Setting) -> Place {
        self.values.get(setting.key).map_or(Place::Default, |(_, place)| place.clone())
    }

    /// `Err` when anything was wrong.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        ConfigError::of(self.problems).map_or(Ok(()), Err)
    }
}

fn from_environment(
    setting: &Setting,
    environment: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<(String, Place)> {
    let variable = setting.variable();
    let file_variable = format!("{variable}_FILE");
    let mut refuse = |place, problem| {
        problems.push(Problem { key: setting.key.to_owned(), place, problem });
        None
    };
    // Compose files and units pass on variables that nobody set as empty ones.
    let given = |name: &String| environment.get(name).filter(|value| !value.is_empty());
    match (given(&variable), given(&file_variable)) {
        (None, None) => None,
        (Some(value), None) => Some((value.clone(), Place::Variable(variable))),
        (Some(_), Some(_)) => {
            refuse(Place::Variable(variable.clone()), format!("{file_variable} is set as well; unset one of the two"))
        }
        (None, Some(path)) => {
            let place = Place::VariableFile { variable: file_variable, path: PathBuf::from(path) };
            match file::read_bounded(path.as_ref()) {
                Ok(text) => Some((text.trim().to_owned(), place)),
                Err(error) => {
                    refuse(place, format!("the file cannot be read: {error}; name a file that holds the value"))
                }
            }
        }
    }
}

/// Variables with our prefix that are no setting but look like one. Others are left alone: orchestrators make
/// variables such as `SWITCHBOARD_SERVICE_HOST` by themselves.
fn suspicious(environment: &BTreeMap<String, String>) -> Vec<String> {
    let mistyped = |name: &String| {
        let key = name.strip_prefix(PREFIX)?;
        let key = key.strip_suffix("_FILE").unwrap_or(key).to_ascii_lowercase();
        if key == "config" || setting::ALL.iter().any(|setting| setting.key == key) {
            return None;
        }
        let near = setting::nearest(&key)?;
        Some(format!("environment variable {name} is no setting and is ignored; did you mean {}?", near.variable()))
    };
    environment.keys().filter_map(mistyped).collect()
}
