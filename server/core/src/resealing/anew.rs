//! Sealing everything with a new key.

use super::{ResealError, empty_log, known, name, overwrite};
use crate::{
    CoreError, DatabaseUrl, OpenError, Result, Secret,
    accounts::seed_purpose,
    audit::Entry,
    sealing::{Sealer, key_id},
    store::{
        self, Store, Vault, Write, change_rows, change_values, connections_of_servers,
        rows::{drafts, signing_keys, users},
    },
    tickets::Seal,
};
use domain::AuditKind;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

/// What was sealed with the new key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many secrets.
    pub secrets: u64,
    /// How many were sealed with neither of the two keys, and stay as they are.
    pub unopened: u64,
    /// Whether all were sealed with the new key already.
    pub before: bool,
}

/// What opens and seals everything that is in a database.
struct Keys {
    values: Vault,
    accounts: Seal,
    signing: Sealer,
}

impl Keys {
    fn new(secret: &Secret) -> Result<Self> {
        Ok(Self {
            values: Vault::new(secret)?,
            accounts: Seal::new(secret)?,
            signing: Sealer::new(secret, b"signing keys")?,
        })
    }
}

/// Seals all secrets of a database with `to` instead of `from`, in one transaction. To do it twice is to do it once. No server
/// may be running on the database; of SQLite's whoever calls has to see to that.
///
/// # Errors
/// [`OpenError::OtherKey`] when they are sealed with neither; see [`ResealError`].
pub async fn reseal(url: &DatabaseUrl, from: &Secret, to: &Secret) -> std::result::Result<Resealed, ResealError> {
    let (old, new) = (Keys::new(from)?, Keys::new(to)?);
    let store = alone(url, old.values.clone()).await?;
    let write = begin(&store, url).await?;
    let done = match known(&write.tx).await? {
        Some(known) if known == key_id(to)? => Resealed { before: true, ..Resealed::default() },
        Some(known) if known != key_id(from)? => return Err(OpenError::OtherKey { url: url.to_string() }.into()),
        _ => {
            overwrite(&write.tx).await?;
            let done = everything(&write, &old, &new).await?;
            name(&write.tx, &key_id(to)?).await?;
            Entry::by_command(AuditKind::Resealed).write(&write.tx).await?;
            done
        }
    };
    write.commit().await?;
    empty_log(store.read()).await;
    store.close().await?;
    Ok(done)
}

/// A database whose tables are up to date, over a connection that is no server's.
pub(super) async fn alone(url: &DatabaseUrl, vault: Vault) -> std::result::Result<Store, ResealError> {
    store::open(url, vault.clone()).await?.close().await?;
    let connection = store::connect_alone(url, false).await?;
    let writer = url.sqlite_path().is_some().then(|| connection.clone());
    Ok(Store::new(connection, writer, vault))
}

/// Begins the one transaction, unless servers are running.
pub(super) async fn begin<'a>(store: &'a Store, url: &DatabaseUrl) -> std::result::Result<Write<'a>, ResealError> {
    let write = store.write_rules().await?;
    match connections_of_servers(&write.tx).await? {
        0 => Ok(write),
        connections => Err(ResealError::InUse { url: url.to_string(), connections }),
    }
}

async fn everything(write: &Write<'_>, old: &Keys, new: &Keys) -> Result<Resealed> {
    let (tx, mut done) = (&write.tx, Resealed::default());
    let mut value = |subject: &str, text: &str| match old.values.try_open(subject, text) {
        Some(plain) => {
            done.secrets += 1;
            new.values.seal(subject, &plain).map(Some)
        }
        None => {
            done.unopened += 1;
            Ok(None)
        }
    };
    change_values(tx, &mut value).await?;
    let mut seed = |user: Uuid, sealed: Vec<u8>| match old.accounts.open(&seed_purpose(user), &sealed) {
        Some(plain) => {
            done.secrets += 1;
            new.accounts.seal(&seed_purpose(user), &plain).map(Some)
        }
        None => {
            done.unopened += 1;
            Ok(None)
        }
    };
    change_rows::<users::Entity, _>(tx, users::Column::Id, users::Column::TotpSeed, &mut seed).await?;
    signing(tx, old, new, &mut done).await?;
    // What was entered a few minutes ago: whoever waits for it to come back waits for a server that is not there.
    drafts::Entity::delete_many().exec(tx).await.map_err(CoreError::from)?;
    Ok(done)
}

/// What access tokens are signed with: few, and named by a text.
async fn signing(tx: &impl ConnectionTrait, old: &Keys, new: &Keys, done: &mut Resealed) -> Result<()> {
    use signing_keys::{Column, Entity};
    for row in Entity::find().filter(Column::Sealed.is_not_null()).all(tx).await? {
        let Some(plain) = row.sealed.as_deref().and_then(|sealed| old.signing.open(row.id.as_bytes(), sealed)) else {
            done.unopened += 1;
            continue;
        };
        let sealed = Expr::value(new.signing.seal(row.id.as_bytes(), &plain)?);
        let changed = Entity::update_many().col_expr(Column::Sealed, sealed).filter(Column::Id.eq(row.id));
        changed.exec(tx).await.map_err(CoreError::from)?;
        done.secrets += 1;
    }
    Ok(())
}
