//! Whose exchanges are looked at.

use domain::{RequestId, RuleId, TunnelId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::Inspector;
use crate::edit::scope;
use crate::store::rows::{
    domains, routes,
    tunnel_requests::{Column, Entity},
    tunnels,
};
use crate::{CoreError, Result, Viewer};

/// Whose exchanges: those of a tunnel, however they came to it, or those that came by a domain or route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inspected {
    /// A tunnel.
    Tunnel(TunnelId),
    /// A domain or a route.
    Rule(RuleId),
}

impl Inspected {
    pub(super) fn id(self) -> Uuid {
        match self {
            Self::Tunnel(id) => id.0,
            Self::Rule(RuleId::Domain(id)) => id.0,
            Self::Rule(RuleId::Route(id)) => id.0,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tunnel(_) => "tunnel",
            Self::Rule(RuleId::Domain(_)) => "domain",
            Self::Rule(RuleId::Route(_)) => "route",
        }
    }
}

impl Inspector {
    /// The exchanges that a viewer sees.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub(super) async fn scope(&self, viewer: &Viewer, of: Inspected) -> Result<Condition> {
        let owner = self.owner(viewer, of).await?;
        Ok(match of {
            Inspected::Tunnel(id) => Condition::all().add(Column::TunnelId.eq(id.0)),
            // It may have been someone else's when they passed.
            Inspected::Rule(_) => Condition::all().add(Column::RuleId.eq(of.id())).add(Column::OwnerId.eq(owner)),
        })
    }

    /// Where one exchange is found: among those that a viewer sees, or, as a replay of one of them or as what one of them
    /// is a replay of, among all of the same owner.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub(super) async fn reach(&self, viewer: &Viewer, of: Inspected, id: RequestId) -> Result<Condition> {
        let scope = self.scope(viewer, of).await?;
        let here = |what: SimpleExpr| Entity::find().filter(scope.clone()).filter(what).limit(1);
        if here(Column::Id.eq(id.0)).one(self.store.read()).await?.is_some() {
            return Ok(scope);
        }
        let owner = self.owner(viewer, of).await?;
        let elsewhere = Condition::all().add(Column::Id.eq(id.0)).add(Column::OwnerId.eq(owner));
        let row = Entity::find().filter(elsewhere.clone()).one(self.store.read()).await?;
        let row = row.ok_or(CoreError::NotFound("exchange"))?;
        let original = row.replay_of.map_or_else(|| Expr::value(false), |original| Column::Id.eq(original));
        let related = here(original.or(Column::ReplayOf.eq(id.0))).one(self.store.read()).await?;
        related.map(|_| elsewhere).ok_or(CoreError::NotFound("exchange"))
    }

    /// Whose it is.
    ///
    /// # Errors
    /// `NotFound` when it is not the viewer's.
    pub(super) async fn owner(&self, viewer: &Viewer, of: Inspected) -> Result<Uuid> {
        macro_rules! owner_in {
            ($table:ident) => {
                $table::Entity::find()
                    .select_only()
                    .column($table::Column::OwnerId)
                    .filter($table::Column::Id.eq(of.id()))
                    .filter(scope(viewer, $table::Column::OwnerId))
                    .into_tuple::<Uuid>()
                    .one(self.store.read())
                    .await?
            };
        }
        let owner = match of {
            Inspected::Tunnel(_) => owner_in!(tunnels),
            Inspected::Rule(RuleId::Domain(_)) => owner_in!(domains),
            Inspected::Rule(RuleId::Route(_)) => owner_in!(routes),
        };
        owner.ok_or(CoreError::NotFound(of.word()))
    }
}
