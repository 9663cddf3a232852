//! What administrators change of an account.

use super::{
    Accounts, links,
    people::{find, is_admin, keep_one},
};
use crate::{
    Change, Expected, Result, Touched, Viewer,
    audit::Entry,
    expected::later_than,
    news, sessions,
    store::{Write, rows::users, write_json},
};
use domain::{Account, AuditKind, RequestRate, Role, UserId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};

/// What is to be changed of an account; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// What it may do.
    pub role: Option<Role>,
    /// How many requests may come to what it has; `Some(None)`: as many as like. Each node counts anew from then on.
    pub rate_limit: Option<Option<RequestRate>>,
}

impl Accounts {
    /// Changes what the patch names: all of it or nothing. Another role ends all sessions, of browsers and of programs, also
    /// the viewer's own: what was opened with other rights is good for nothing any more.
    ///
    /// # Errors
    /// `admin_only`, `NotFound`, `last_administrator`; `Changed` when it is not as expected.
    pub async fn update(
        &self,
        viewer: &Viewer,
        id: UserId,
        patch: AccountPatch,
        expected: &Expected,
    ) -> Result<Account> {
        let write = self.administrate(viewer).await?;
        let row = find(&write.tx, id).await?;
        expected.check(row.updated_at)?;
        let role = patch.role.filter(|role| row.role != role.as_str());
        let limit = match patch.rate_limit {
            Some(limit) => Some(limit.as_ref().map(write_json).transpose()?).filter(|text| *text != row.rate_limit),
            None => None,
        };
        if role.is_none() && limit.is_none() {
            return self.shown_one(row).await;
        }
        if let Some(role) = role {
            prepare_role(&write, viewer, &row, role).await?;
        }
        if limit.is_some() {
            let detail = patch.rate_limit.flatten().map_or_else(|| "none".to_owned(), |limit| limit.to_string());
            let entry = Entry::by(viewer, AuditKind::RateLimitChanged).on(Some(id), &row.email);
            entry.with(detail).write(&write.tx).await?;
        }
        let later = later_than(row.updated_at);
        let mut row: users::ActiveModel = row.into();
        row.updated_at = Set(later);
        if let Some(role) = role {
            row.role = Set(role.as_str().into());
        }
        if let Some(limit) = limit {
            row.rate_limit = Set(limit);
        }
        let row = row.update(&write.tx).await?;
        // Where backends may be depends on whose they are; and it is not told apart which of all that is routed by an
        // account has: this changes rarely.
        news::tell(&write.tx, &self.changes, &Touched::everything()).await?;
        let ended = role.map(|_| Change::UserSessionsEnded(id));
        if let Some(change) = ended {
            news::tell_of(&write.tx, &self.changes, change).await?;
        }
        write.commit().await?;
        self.changes.publish(Change::Routing);
        ended.into_iter().for_each(|change| self.changes.publish(change));
        self.shown_one(row).await
    }
}

/// What goes with another role.
async fn prepare_role(write: &Write<'_>, viewer: &Viewer, row: &users::Model, role: Role) -> Result<()> {
    let id = UserId(row.id);
    if is_admin(row) {
        keep_one(&write.tx, row).await?;
        // Invitations of somebody who may not invite are worth nothing.
        links::withdraw_all(&write.tx, id).await?;
    }
    sessions::end_all(&write.tx, id, None).await?;
    let entry = Entry::by(viewer, AuditKind::RoleChanged).on(Some(id), &row.email);
    entry.with(format!("to {}", role.as_str())).write(&write.tx).await
}
