//! Whose key a database's secrets are sealed with: that of the first server that started on it, until `keys reseal` puts
//! another one in its place. Several servers share a database, and what one of them seals all others have to open.
//!
//! Who claims it, and what seals, holds the lock of [`Store::write_rules`](crate::store::Store::write_rules) from before it
//! looks until it is committed, so that of two who start for the first time one sees the other's claim.

use super::{known, name};
use crate::{CoreError, Result, store::Vault};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

/// Whose the database's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// This server's.
    Ours,
    /// Nobody's: no server that seals has started on it.
    Free,
    /// Another one.
    Others,
}

impl Claim {
    pub(super) async fn look(connection: &impl ConnectionTrait, vault: &Vault) -> Result<Self> {
        Ok(match known(connection).await? {
            Some(known) if known == vault.key_id() => Self::Ours,
            Some(_) => Self::Others,
            None => Self::Free,
        })
    }
}

/// Makes sure that what this transaction seals, it seals with the database's key. This server had it when it started, but it
/// may have been replaced since.
///
/// # Errors
/// `Internal` when it was.
pub(crate) async fn claim(tx: &DatabaseTransaction, vault: &Vault) -> Result<()> {
    match Claim::look(tx, vault).await? {
        Claim::Ours => Ok(()),
        Claim::Free => name(tx, vault.key_id()).await,
        Claim::Others => Err(CoreError::Internal(
            "sealing_key is not the key of the database any more, in which another one has taken its place since this server \
             started; nothing was changed. Give all servers on this database the same sealing_key, and start this one again"
                .into(),
        )),
    }
}
