//! What stands in a column, in a database of either kind and in a file.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Timestamp;
use sea_orm::{DbErr, QueryResult, Value, prelude::Uuid};
use serde_json::Value as Json;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Text,
    Integer,
    Double,
    Boolean,
    Timestamp,
    Bytes,
}

impl Kind {
    /// By the type that the column was declared with in SQLite.
    pub(super) fn declared(text: &str) -> Option<Self> {
        Some(match text.split('(').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "uuid_text" => Self::Uuid,
            "text" | "varchar" | "char" => Self::Text,
            "tinyint" | "smallint" | "integer" | "bigint" => Self::Integer,
            "float" | "double" | "real" => Self::Double,
            "boolean" => Self::Boolean,
            "timestamp_with_timezone_text" => Self::Timestamp,
            "blob" | "varbinary_blob" => Self::Bytes,
            _ => return None,
        })
    }

    /// As which type PostgreSQL is asked for it, where it has several.
    pub(super) fn as_read(self) -> Option<&'static str> {
        match self {
            Self::Integer => Some("bigint"),
            Self::Double => Some("double precision"),
            _ => None,
        }
    }

    /// From a database.
    pub(super) fn read(self, row: &QueryResult, index: usize) -> Result<Json, DbErr> {
        Ok(match self {
            Self::Uuid => row.try_get_by_index::<Option<Uuid>>(index)?.map(|id| id.to_string()).into(),
            Self::Text => row.try_get_by_index::<Option<String>>(index)?.into(),
            Self::Integer => row.try_get_by_index::<Option<i64>>(index)?.into(),
            // As the shortest text that gives the same number again.
            Self::Double => row.try_get_by_index::<Option<f64>>(index)?.map(|number| number.to_string()).into(),
            Self::Boolean => row.try_get_by_index::<Option<bool>>(index)?.into(),
            Self::Timestamp => row.try_get_by_index::<Option<Timestamp>>(index)?.map(|at| at.to_rfc3339()).into(),
            Self::Bytes => row.try_get_by_index::<Option<Vec<u8>>>(index)?.map(|bytes| STANDARD.encode(bytes)).into(),
        })
    }

    /// From a file; `None` when it is nothing of this kind.
    pub(super) fn parse(self, json: &Json) -> Option<Value> {
        /// Null, or what `read` makes of it.
        fn or_null<T>(json: &Json, read: impl FnOnce(&Json) -> Option<T>) -> Option<Option<T>> {
            if json.is_null() { Some(None) } else { read(json).map(Some) }
        }
        Some(match self {
            Self::Uuid => Value::Uuid(or_null(json, |json| json.as_str()?.parse().ok())?),
            Self::Text => Value::String(or_null(json, |json| Some(json.as_str()?.to_owned()))?),
            Self::Integer => Value::BigInt(or_null(json, Json::as_i64)?),
            Self::Double => Value::Double(or_null(json, |json| json.as_str()?.parse().ok())?),
            Self::Boolean => Value::Bool(or_null(json, Json::as_bool)?),
            Self::Timestamp => Value::ChronoDateTimeUtc(or_null(json, |json| json.as_str()?.parse().ok())?),
            Self::Bytes => Value::Bytes(or_null(json, |json| STANDARD.decode(json.as_str()?).ok())?),
        })
    }
}
