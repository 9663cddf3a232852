//! What stands in front of things, from what an owner asks for to what is stored.

use super::{Desk, Edit};
use crate::{
    CoreError, Result,
    audit::Entry,
    auth::{Passwords, Verified},
    store::{now, read_front, rows::users, write_json},
};
use domain::{AuditKind, BasicPassword, BasicUser, Email, Front, FrontSignIn, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use std::{collections::HashMap, fmt::Display};
use uuid::Uuid;

/// Whether it can be as it is. To be asked before what it is to change is looked at: what is wrong with a request comes before
/// what it expects to find (RFC 9110 section 13.2.1).
pub(crate) fn check_front(front: &Front) -> Result<()> {
    front.check().map_err(|error| CoreError::invalid(error.field, error))
}

impl Edit<'_> {
    /// As [`Desk::kept_front`], of a thing of this name; writes down that it is another, and which links are made and ended
    /// by it. To be boxed: what awaits it is large as it is.
    pub(crate) async fn keep_front(
        &self,
        of: impl Display,
        front: &Front,
        before: Option<&str>,
    ) -> Result<Option<String>> {
        let kept = self.desk().kept_front(front, before).await?;
        let [mut was, mut is] = [read_front(before)?, read_front(kept.as_deref())?];
        let [before, after] = [&mut was, &mut is].map(|front| std::mem::take(&mut front.share_links));
        if was != is {
            Entry::by(self.actor(), AuditKind::FrontChanged).with(of.to_string()).write(self.tx()).await?;
        }
        let made = after.iter().filter(|link| !before.iter().any(|known| known.secret == link.secret));
        // One whose time was over is not ended by anybody.
        let ended = before.iter().filter(|link| link.expires_at > now());
        let ended = ended.filter(|link| !after.iter().any(|kept| kept.secret == link.secret));
        let made = made.map(|link| (AuditKind::ShareLinkMade, link));
        for (kind, link) in made.chain(ended.map(|link| (AuditKind::ShareLinkEnded, link))) {
            Entry::by(self.actor(), kind).with(format!("{} of {of}", link.name)).write(self.tx()).await?;
        }
        Ok(kept)
    }
}

impl Desk {
    /// What is stored of it: passwords as their hashes, those that are missing as they were `before`.
    pub(crate) async fn kept_front(&self, front: &Front, before: Option<&str>) -> Result<Option<String>> {
        check_front(front)?;
        let mut front = front.clone();
        let before = read_front(before)?;
        for user in front.basic_auth.iter_mut().flat_map(|auth| &mut auth.users) {
            let known = before.basic_auth.iter().flat_map(|auth| &auth.users).find(|known| known.name == user.name);
            user.password = match (&user.password, known) {
                // The same one is no change: a document with passwords can be applied again.
                (Some(new), Some(known)) if self.is_password_of(known, new).await? => known.password.clone(),
                (Some(new), _) => Some(self.hashed(new).await?),
                (None, Some(known)) => known.password.clone(),
                (None, None) => {
                    return Err(CoreError::invalid(
                        "basic_auth",
                        format!("{} has no password yet; give one", user.name),
                    ));
                }
            };
        }
        if let Some(sign_in) = &mut front.sign_in {
            self.find_accounts(sign_in, before.sign_in.as_ref()).await?;
        }
        // One that has ended meanwhile does not come back, with whatever was written before.
        for link in &mut front.share_links {
            let known = before.share_links.iter().find(|known| known.name == link.name);
            link.secret = link.secret.take().or_else(|| known.and_then(|known| known.secret.clone()));
        }
        front.share_links.retain(|link| link.secret.is_some());
        if front.is_open() { Ok(None) } else { write_json(&front).map(Some) }
    }

    /// Finds the accounts that are listed; those that were listed `before` are who they were then.
    async fn find_accounts(&self, sign_in: &mut FrontSignIn, before: Option<&FrontSignIn>) -> Result<()> {
        let known = before.into_iter().flat_map(|before| before.accounts.iter().zip(&before.ids));
        let known: HashMap<&Email, UserId> = known.map(|(email, id)| (email, *id)).collect();
        let new = sign_in.accounts.iter().filter(|email| !known.contains_key(email)).map(ToString::to_string);
        let found: Vec<(Uuid, String)> = users::Entity::find()
            .select_only()
            .columns([users::Column::Id, users::Column::Email])
            .filter(users::Column::Email.is_in(new))
            .filter(users::Column::DeletedAt.is_null())
            .into_tuple()
            .all(self.store().read())
            .await?;
        let id = |email: &Email| {
            let found = || found.iter().find(|(_, found)| found == email.as_str()).map(|(id, _)| UserId(*id));
            let unknown =
                || CoreError::invalid("sign_in", format!("nobody here has the address {email}; invite them first"));
            known.get(email).copied().or_else(found).ok_or_else(unknown)
        };
        sign_in.ids = sign_in.accounts.iter().map(id).collect::<Result<_>>()?;
        Ok(())
    }

    async fn is_password_of(&self, known: &BasicUser, password: &BasicPassword) -> Result<bool> {
        match &known.password {
            Some(hash) => self.is_visitors(password.expose(), Some(hash.expose())).await,
            None => Ok(false),
        }
    }

    async fn hashed(&self, password: &BasicPassword) -> Result<BasicPassword> {
        let hash = self.visitors().hash(password.expose()).await?;
        hash.parse().map_err(|error| CoreError::Internal(format!("a hash of a password: {error}")))
    }

    /// Whether a visitor's password is the one of this hash; without one it takes as long.
    pub(crate) async fn is_visitors(&self, password: &str, stored: Option<&str>) -> Result<bool> {
        Ok(matches!(self.visitors().verify(password, stored).await?, Verified::Right(_)))
    }

    /// How many hashes of visitors' passwords were computed.
    pub(crate) fn visitors_hashes(&self) -> u64 {
        self.visitors().computed()
    }

    fn visitors(&self) -> &Passwords {
        &self.inner.visitors
    }
}
