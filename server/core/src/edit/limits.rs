//! How much a user may have.

use super::{Edit, Owner};
use crate::{
    CoreError, Limits, Result,
    store::rows::{backends, domains, routes, services},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use std::collections::HashMap;
use uuid::Uuid;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    Services,
    Backends,
    Domains,
    Routes,
}

/// What the owners of this change's objects have, counted once and then kept in step.
pub(crate) type Counts = HashMap<(Counted, Uuid), u64>;

impl Counted {
    fn most(self, limits: &Limits) -> u32 {
        match self {
            Self::Services => limits.services,
            Self::Backends => limits.backends,
            Self::Domains => limits.domains,
            Self::Routes => limits.routes,
        }
    }

    fn code_and_word(self) -> (&'static str, &'static str) {
        match self {
            Self::Services => ("service_limit", "services"),
            Self::Backends => ("backend_limit", "backends"),
            Self::Domains => ("domain_limit", "domains"),
            Self::Routes => ("route_limit", "routes"),
        }
    }
}

impl Edit<'_> {
    /// Makes room for `more` of them, or says that there is none.
    pub(crate) async fn count_in(&mut self, what: Counted, owner: &Owner, more: u64) -> Result<()> {
        let limits = &self.desk().settings();
        let limits = if owner.is_admin { &limits.administrators } else { &limits.members };
        let most = what.most(limits);
        let key = (what, owner.id.0);
        let before = match self.counts.get(&key) {
            Some(count) => *count,
            None => self.count(what, owner.id.0).await?,
        };
        if before + more > u64::from(most) {
            let (code, word) = what.code_and_word();
            let message = format!("the limit of {most} {word} is reached; delete what is not needed");
            return Err(CoreError::conflict(code, message));
        }
        self.counts.insert(key, before + more);
        Ok(())
    }

    /// Something was deleted: it is counted again when that matters.
    pub(crate) fn count_again(&mut self) {
        self.counts.clear();
    }

    async fn count(&self, what: Counted, owner: Uuid) -> Result<u64> {
        macro_rules! count {
            ($table:ident) => {
                $table::Entity::find()
                    .filter($table::Column::OwnerId.eq(owner))
                    .filter($table::Column::DeletedAt.is_null())
                    .count(self.tx())
                    .await?
            };
        }
        Ok(match what {
            Counted::Services => count!(services),
            Counted::Backends => count!(backends),
            Counted::Domains => count!(domains),
            Counted::Routes => count!(routes),
        })
    }
}
