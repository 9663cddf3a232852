//! What differs between two states of an object, field by field.

use serde_json::Value;
use std::collections::BTreeMap;

/// The longest text of one side, characters: a difference is to be read, not searched.
const LONGEST: usize = 400;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name; names within names have dots between them.
    pub field: String,
    /// What it was; `None`: it was not set.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// All fields that differ, by name.
pub fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let mut fields: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    fields.sort();
    fields.dedup();
    let sides =
        fields.into_iter().map(|field| Difference { before: old.remove(&field), after: new.remove(&field), field });
    sides.filter(|difference| difference.before != difference.after).collect()
}

/// Objects become their fields; a list stays one text, because its entries have no names.
fn flatten(name: &str, value: Option<&Value>, fields: &mut BTreeMap<String, String>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(object)) => {
            for (key, value) in object {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, Some(value), fields);
            }
        }
        // An empty list says no more than none.
        Some(Value::Array(entries)) if entries.is_empty() => {}
        Some(value) => {
            fields.insert(name.to_owned(), text(value));
        }
    }
}

fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
        Value::Array(entries) => entries.iter().map(self::text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: Option<Value>, after: Option<Value>) -> Vec<(String, String, String)> {
        let side = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let list = differences(before.as_ref(), after.as_ref());
        list.into_iter().map(|one| (one.field, side(one.before), side(one.after))).collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "shop", "tags": ["v1"], "health_check": {"enabled": true, "path": "/health"}});
        let after = json!({"name": "shop", "tags": ["v1", "v2"], "health_check": {"enabled": false, "path": "/health"}, "region": "eu"});
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            told(Some(before), Some(after)),
            [row("health_check.enabled", "yes", "no"), row("region", "-", "eu"), row("tags", "v1", "v1, v2")]
        );
    }

    #[test]
    fn what_was_made_or_deleted_has_one_side() {
        assert_eq!(told(None, Some(json!({"mount": "/api"}))), [("mount".into(), "-".into(), "/api".into())]);
        assert_eq!(told(Some(json!({"mount": "/api"})), None), [("mount".into(), "/api".into(), "-".into())]);
        let long = told(None, Some(json!({"value": "x".repeat(5_000)})));
        assert_eq!(long[0].2.chars().count(), LONGEST + 1);
    }
}
