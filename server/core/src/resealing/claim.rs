//! Whose key a transaction seals with. Several servers share a database, and each may have been given another key: until one
//! of them has sealed something any will do, and from then on only that one's.
//!
//! What seals holds the lock of [`Store::write_rules`](crate::store::Store::write_rules) from before it looks until it is
//! committed, and so does a server that starts. Nobody else seals in between.

use super::{is_anything_sealed, known, name};
use crate::{CoreError, Result, store::Vault};
use sea_orm::DatabaseTransaction;

/// Whose the database's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This server's.
    Ours,
    /// Nobody's: nothing is sealed.
    Free,
    /// Another one, with which something is sealed.
    Others,
}

impl Claim {
    /// Looks, before this transaction seals anything.
    pub(crate) async fn look(tx: &DatabaseTransaction, vault: &Vault) -> Result<Self> {
        Ok(match known(tx).await? {
            Some(known) if known == vault.key_id() => Self::Ours,
            Some(_) if is_anything_sealed(tx).await? => Self::Others,
            _ => Self::Free,
        })
    }

    /// What this transaction seals is sealed with this server's key.
    ///
    /// # Errors
    /// `Internal` when another key seals: what one server seals the others could not open.
    pub(crate) async fn take(&mut self, tx: &DatabaseTransaction, vault: &Vault) -> Result<()> {
        match self {
            Self::Ours => {}
            Self::Free => {
                name(tx, vault.key_id()).await?;
                *self = Self::Ours;
            }
            Self::Others => {
                return Err(CoreError::Internal(
                    "sealing_key is not the key that secrets in the database are sealed with, since another server with \
                     another key has sealed some; nothing was changed. Give all servers on this database the same sealing_key"
                        .into(),
                ));
            }
        }
        Ok(())
    }
}
