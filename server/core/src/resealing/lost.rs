//! Going on without the key: what nobody can open any more is given up, and whoever asks for that is told what it was.

use super::{
    ResealError,
    anew::{alone, begin},
    name, overwrite,
};
use crate::{
    DatabaseUrl, Result, Secret,
    accounts::seed_purpose,
    sealing::{Sealer, key_id},
    store::{
        DIRECTIONS, NO_HEADERS, Vault, change_rows, now, read_json,
        rows::{alerts, domains, revisions, routes, signing_keys, users},
        write_json,
    },
    tickets::Seal,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Headers that domains and routes set: what they are of, and the headers' names. They are taken out of what passes
    /// instead, so that nobody else's value takes the place of the one that is lost.
    pub headers: Vec<(String, Vec<String>)>,
    /// How many revisions, which are deleted.
    pub revisions: u64,
    /// Alerts, which are deleted: their owners' ids and their names.
    pub alerts: Vec<(Uuid, String)>,
    /// Accounts whose second factor only a recovery code stands in for.
    pub second_factors: Vec<String>,
    /// Whether what access tokens are signed with has to be replaced.
    pub signing_key: bool,
}

/// Gives up what `secret` does not open, in one transaction; from then on it is the key. No server may be running on the
/// database; of SQLite's whoever calls has to see to that.
///
/// # Errors
/// See [`ResealError`].
pub async fn give_up_sealed(url: &DatabaseUrl, secret: &Secret) -> std::result::Result<GivenUp, ResealError> {
    let vault = Vault::new(secret)?;
    let store = alone(url, vault.clone()).await?;
    let write = begin(&store, url).await?;
    overwrite(&write.tx).await?;
    let given_up = GivenUp {
        headers: headers(&write.tx, &vault).await?,
        revisions: documents(&write.tx, &vault).await?,
        alerts: hooks(&write.tx, &vault).await?,
        second_factors: seeds(&write.tx, &Seal::new(secret)?).await?,
        signing_key: signing(&write.tx, &Sealer::new(secret, b"signing keys")?).await?,
    };
    name(&write.tx, &key_id(secret)?).await?;
    write.commit().await?;
    store.close().await?;
    Ok(given_up)
}

async fn headers(tx: &DatabaseTransaction, vault: &Vault) -> Result<Vec<(String, Vec<String>)>> {
    let mut lost: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    let mut change = |rule: Uuid, text: String| {
        let (rules, names) = without_lost(rule, &text, vault)?;
        if names.is_empty() {
            return Ok(None);
        }
        lost.insert(rule, names);
        write_json(&rules).map(Some)
    };
    change_rows::<domains::Entity, _>(tx, domains::Column::Id, domains::Column::HeaderRules, &mut change).await?;
    change_rows::<routes::Entity, _>(tx, routes::Column::Id, routes::Column::HeaderRules, &mut change).await?;
    let mut told = Vec::with_capacity(lost.len());
    for (rule, names) in lost {
        let domain = domains::Entity::find_by_id(rule).one(tx).await?.map(|row| format!("domain {}", row.host));
        let route = routes::Entity::find_by_id(rule).one(tx).await?.map(|row| format!("route {} ({rule})", row.mount));
        told.push((domain.or(route).unwrap_or_else(|| rule.to_string()), names));
    }
    Ok(told)
}

/// The rules that take headers out whose values cannot be opened, and those headers' names.
fn without_lost(rule: Uuid, text: &str, vault: &Vault) -> Result<(Value, Vec<String>)> {
    if text == NO_HEADERS {
        return Ok((Value::Null, Vec::new()));
    }
    let mut rules: Value = read_json(text)?;
    let mut lost = Vec::new();
    for direction in DIRECTIONS {
        let Some(changes) = rules.get_mut(direction) else { continue };
        let mut gone = Vec::new();
        if let Some(set) = changes.get_mut("set").and_then(Value::as_object_mut) {
            set.retain(|name, value| {
                let subject = Vault::header_of(rule, direction, name);
                let opens = vault.try_open(&subject, value.as_str().unwrap_or_default()).is_some();
                if !opens {
                    gone.push(name.clone());
                }
                opens
            });
        }
        if let Some(removed) = changes.get_mut("remove").and_then(Value::as_array_mut) {
            removed.extend(gone.iter().cloned().map(Value::from));
        }
        lost.append(&mut gone);
    }
    Ok((rules, lost))
}

/// Revisions that nobody can read any more; what is left of one would say that there was nothing.
async fn documents(tx: &DatabaseTransaction, vault: &Vault) -> Result<u64> {
    use revisions::{Column, Entity};
    let mut lost = BTreeSet::new();
    for (column, side) in [(Column::Before, "before"), (Column::After, "after")] {
        let mut look = |revision: Uuid, text: String| {
            if vault.try_open(&Vault::document_of(revision, side), &text).is_none() {
                lost.insert(revision);
            }
            Ok(None)
        };
        change_rows::<Entity, _>(tx, Column::Id, column, &mut look).await?;
    }
    for revision in &lost {
        Entity::delete_by_id(*revision).exec(tx).await?;
    }
    Ok(lost.len() as u64)
}

/// Alerts whose notices nobody can send any more.
async fn hooks(tx: &DatabaseTransaction, vault: &Vault) -> Result<Vec<(Uuid, String)>> {
    use alerts::{Column, Entity};
    let mut lost = Vec::new();
    for row in Entity::find().filter(Column::Webhook.is_not_null()).order_by_asc(Column::Id).all(tx).await? {
        let opens = |subject: &str, text: Option<&str>| text.is_none_or(|text| vault.try_open(subject, text).is_some());
        if opens(&Vault::address_of(row.id), row.webhook.as_deref())
            && opens(&Vault::key_of(row.id), row.secret.as_deref())
        {
            continue;
        }
        Entity::update_many()
            .col_expr(Column::Webhook, Expr::value(Option::<String>::None))
            .col_expr(Column::Secret, Expr::value(Option::<String>::None))
            .col_expr(Column::DeletedAt, Expr::value(row.deleted_at.unwrap_or_else(now)))
            .filter(Column::Id.eq(row.id))
            .exec(tx)
            .await?;
        if row.deleted_at.is_none() {
            lost.push((row.owner_id, row.name));
        }
    }
    Ok(lost)
}

/// Seeds stay, though nobody can open them: without one, a password alone would be enough.
async fn seeds(tx: &DatabaseTransaction, seal: &Seal) -> Result<Vec<String>> {
    let rows = users::Entity::find().filter(users::Column::TotpSeed.is_not_null()).all(tx).await?;
    let lost = rows.into_iter().filter(|row| {
        let sealed = row.totp_seed.as_deref().unwrap_or_default();
        seal.open(&seed_purpose(row.id), sealed).is_none()
    });
    Ok(lost.map(|row| row.email).collect())
}

/// Whether the key in use cannot be opened.
async fn signing(tx: &impl ConnectionTrait, sealer: &Sealer) -> Result<bool> {
    use signing_keys::{Column, Entity};
    let rows = Entity::find().filter(Column::RetiredAt.is_null()).filter(Column::Sealed.is_not_null()).all(tx).await?;
    let opens = |row: &signing_keys::Model| {
        row.sealed.as_deref().is_some_and(|sealed| sealer.open(row.id.as_bytes(), sealed).is_some())
    };
    Ok(!rows.iter().all(opens))
}
