//! What is logged and how.

use std::str::FromStr;
use tracing_subscriber::EnvFilter;

use super::{reader::Reader, setting};

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Logs {
    /// `log_level`: directives that [`EnvFilter`] understands.
    pub level: String,
    /// `log_format`.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Logs {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            level: reader.take(&setting::LOG_LEVEL, level, "info".to_owned()),
            format: reader.take(&setting::LOG_FORMAT, str::parse, LogFormat::Text),
        }
    }
}

/// A bare word that is no level would be taken for the name of a part, and nothing would be logged.
fn level(text: &str) -> Result<String, String> {
    let example = "write error, warn, info, debug or trace, or by part: info,server::proxy=debug";
    EnvFilter::builder().parse(text).map_err(|error| format!("{text:?}: {error}; {example}"))?;
    let bare = text.split(',').filter(|directive| !directive.contains(['=', '[']));
    for word in bare {
        if word.trim().parse::<tracing::level_filters::LevelFilter>().is_err() {
            return Err(format!("{word:?} is not a level; {example}"));
        }
    }
    Ok(text.to_owned())
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is neither text nor json")),
        }
    }
}
