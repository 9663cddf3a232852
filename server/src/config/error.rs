//! What is wrong with the settings, said so that it can be put right.

use std::{fmt, path::PathBuf};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A flag, with its hyphens.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A file named by an environment variable that ends in `_FILE`.
    VariableFile {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A line of the configuration file.
    Line {
        /// The configuration file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// The value that applies when nothing is said.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(variable) => write!(f, "environment variable {variable}"),
            Self::VariableFile { variable, path } => write!(f, "file {} (named by {variable})", path.display()),
            Self::Line { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} ({place}): {problem}")]
pub struct Problem {
    /// The key as written.
    pub key: String,
    /// Where it was written.
    pub place: Place,
    /// What is wrong and what to write instead. Never holds a secret.
    pub problem: String,
}

/// Why the server does not start: every setting that is wrong, not just the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(Vec<Problem>);

impl ConfigError {
    /// `None` when nothing is wrong.
    pub(super) fn of(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// A single problem.
    pub(super) fn one(key: impl Into<String>, place: Place, problem: impl Into<String>) -> Self {
        Self(vec![Problem { key: key.into(), place, problem: problem.into() }])
    }

    /// What is wrong, in the order of the settings.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
