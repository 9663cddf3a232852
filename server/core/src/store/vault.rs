//! What users have entered that gives access to something else, and that the server must be able to read again: the values
//! of headers that rules set, also in the history, and the addresses and keys of webhooks. It is sealed for the row that it
//! stands in.

use super::{
    convert::{read_json, write_json},
    rows::{alerts, domains, revisions, routes},
};
use crate::{
    CoreError, Result, Secret,
    sealing::{Sealer, key_id},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use domain::HeaderRules;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryGetable, sea_query::Expr,
};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// How no changes of headers are stored.
pub(crate) const NO_HEADERS: &str = "{}";

/// The two that rules have changes for, as they are named in what is stored.
pub(crate) const DIRECTIONS: [&str; 2] = ["request", "response"];

/// What sealed text begins with. What begins otherwise was written by a version that did not seal.
const MARK: &str = "sealed:";

/// What a document has that tells of headers; others have nothing to hide.
const HEADERS: &str = "\"headers\":";

/// How many rows are read at once when all of them are.
const PAGE: u64 = 500;

/// Seals and opens texts.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    sealer: Arc<Sealer>,
    key_id: Arc<str>,
}

impl Vault {
    pub(crate) fn new(secret: &Secret) -> Result<Self> {
        let sealer = Arc::new(Sealer::new(secret, b"what users enter")?);
        Ok(Self { sealer, key_id: key_id(secret)?.into() })
    }

    /// The name of its key.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether this is sealed text.
    pub(crate) fn is_sealed(text: &str) -> bool {
        text.starts_with(MARK)
    }

    /// Seals what is about `subject`.
    pub(crate) fn seal(&self, subject: &str, plain: &str) -> Result<String> {
        let sealed = self.sealer.seal(subject.as_bytes(), plain.as_bytes())?;
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// Opens it, if this is the key and the subject that it was sealed with.
    pub(crate) fn try_open(&self, subject: &str, text: &str) -> Option<String> {
        let Some(sealed) = text.strip_prefix(MARK) else { return Some(text.to_owned()) };
        let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
        String::from_utf8(self.sealer.open(subject.as_bytes(), &sealed)?).ok()
    }

    /// Opens it.
    ///
    /// # Errors
    /// When it was sealed with another key or about something else, or is damaged.
    pub(crate) fn open(&self, subject: &str, text: &str) -> Result<String> {
        self.try_open(subject, text).ok_or_else(|| {
            let cause =
                "it was sealed with another key, or damaged; set sealing_key to the one that it was sealed with";
            CoreError::Internal(format!("the {subject} cannot be opened: {cause}"))
        })
    }

    /// What the address of an alert's webhook is sealed about.
    pub(crate) fn address_of(alert: Uuid) -> String {
        format!("address of the webhook of alert {alert}")
    }

    /// What the key that its notices are signed with is sealed about.
    pub(crate) fn key_of(alert: Uuid) -> String {
        format!("key of the webhook of alert {alert}")
    }

    /// What one side of a revision is sealed about.
    pub(crate) fn document_of(revision: Uuid, side: &str) -> String {
        format!("state {side} revision {revision}")
    }

    /// How one side of a revision is kept: sealed when it tells of headers. Of those whose names say that they are secret it
    /// has masks anyway; of others, who knows.
    pub(crate) fn kept_document(&self, revision: Uuid, side: &str, text: String) -> Result<String> {
        if text.contains(HEADERS) { self.seal(&Self::document_of(revision, side), &text) } else { Ok(text) }
    }

    /// What the value of a header that a rule sets is sealed about.
    pub(crate) fn header_of(rule: Uuid, direction: &str, name: &str) -> String {
        format!("value of {name} in each {direction} of rule {rule}")
    }

    /// Changes of headers of the rule with this id. Most rules make none, and of a hundred thousand it takes a while to read
    /// that.
    pub(crate) fn headers(&self, rule: Uuid, text: &str) -> Result<HeaderRules> {
        if text == NO_HEADERS {
            return Ok(HeaderRules::default());
        }
        let rules = change_headers(rule, text, &mut |subject, value| self.open(subject, value).map(Some))?;
        // The text is not told: it holds what was sealed.
        serde_json::from_value(rules).map_err(|error| {
            let place = (error.line(), error.column());
            CoreError::Internal(format!("the database holds changes of headers of {rule} that are none, at {place:?}"))
        })
    }

    /// What [`headers`](Self::headers) reads, with the secrets of what was written `before` where only masks are left of
    /// them. What stays the same stays as it was written.
    pub(crate) fn kept_headers(&self, rule: Uuid, rules: &HeaderRules, before: &str) -> Result<String> {
        let known = if before.is_empty() { HeaderRules::default() } else { self.headers(rule, before)? };
        let rules = rules.clone().unmasked(&known).map_err(|error| CoreError::invalid("headers", error))?;
        if rules.is_empty() {
            return Ok(NO_HEADERS.into());
        }
        if rules == known {
            return Ok(before.to_owned());
        }
        let sealed =
            change_headers(rule, &write_json(&rules)?, &mut |subject, value| self.seal(subject, value).map(Some))?;
        write_json(&sealed)
    }
}

/// What becomes of a text: `None` leaves it as it is. The first argument is what it is sealed about.
pub(crate) type ChangeText<'a> = &'a mut (dyn FnMut(&str, &str) -> Result<Option<String>> + Send);

/// The rules with other values.
fn change_headers(rule: Uuid, text: &str, change: ChangeText<'_>) -> Result<Value> {
    let mut rules: Value = read_json(text)?;
    for direction in DIRECTIONS {
        let set = rules.get_mut(direction).and_then(|changes| changes.get_mut("set"));
        for (name, value) in set.and_then(Value::as_object_mut).into_iter().flatten() {
            let subject = Vault::header_of(rule, direction, name);
            if let Some(changed) = change(&subject, value.as_str().unwrap_or_default())? {
                *value = changed.into();
            }
        }
    }
    Ok(rules)
}

/// Changes all texts that a vault has sealed, or will have, wherever they stand.
pub(crate) async fn change_values(tx: &impl ConnectionTrait, change: ChangeText<'_>) -> Result<()> {
    let mut rules = |rule: Uuid, text: String| {
        if text == NO_HEADERS {
            return Ok(None);
        }
        let before: Value = read_json(&text)?;
        let after = change_headers(rule, &text, change)?;
        if before == after { Ok(None) } else { write_json(&after).map(Some) }
    };
    change_rows::<domains::Entity, _>(tx, domains::Column::Id, domains::Column::HeaderRules, &mut rules).await?;
    change_rows::<routes::Entity, _>(tx, routes::Column::Id, routes::Column::HeaderRules, &mut rules).await?;
    for (column, side) in [(revisions::Column::Before, "before"), (revisions::Column::After, "after")] {
        let mut document = |revision: Uuid, text: String| {
            let is_sealed = Vault::is_sealed(&text) || text.contains(HEADERS);
            if is_sealed { change(&Vault::document_of(revision, side), &text) } else { Ok(None) }
        };
        change_rows::<revisions::Entity, _>(tx, revisions::Column::Id, column, &mut document).await?;
    }
    let mut address = |alert: Uuid, text: String| change(&Vault::address_of(alert), &text);
    change_rows::<alerts::Entity, _>(tx, alerts::Column::Id, alerts::Column::Webhook, &mut address).await?;
    let mut key = |alert: Uuid, text: String| change(&Vault::key_of(alert), &text);
    change_rows::<alerts::Entity, _>(tx, alerts::Column::Id, alerts::Column::Secret, &mut key).await
}

/// Changes what a column holds in all rows where it holds anything, also in those that are deleted.
pub(crate) async fn change_rows<E, V>(
    tx: &impl ConnectionTrait,
    id: E::Column,
    column: E::Column,
    change: &mut (dyn FnMut(Uuid, V) -> Result<Option<V>> + Send),
) -> Result<()>
where
    E: EntityTrait,
    V: TryGetable + Into<sea_orm::Value> + Send,
{
    let mut after = Uuid::nil();
    loop {
        let rows: Vec<(Uuid, V)> = E::find()
            .select_only()
            .columns([id, column])
            .filter(id.gt(after))
            .filter(column.is_not_null())
            .order_by_asc(id)
            .limit(PAGE)
            .into_tuple()
            .all(tx)
            .await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        for (row, value) in rows {
            if let Some(changed) = change(row, value)? {
                let changed = Expr::value(changed.into());
                E::update_many().col_expr(column, changed).filter(id.eq(row)).exec(tx).await?;
            }
        }
    }
}
