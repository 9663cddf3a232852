//! What stands in front of things, from what an owner asks for to what is stored.

use super::Desk;
use crate::{
    CoreError, Result,
    auth::{Passwords, Verified},
    store::{read_front, write_json},
};
use domain::{BasicPassword, Front};

impl Desk {
    /// What is stored of it: passwords as their hashes, those that are missing as they were `before`.
    pub(crate) async fn kept_front(&self, front: &Front, before: Option<&str>) -> Result<Option<String>> {
        let mut front = front.clone();
        front.check().map_err(|error| CoreError::invalid(error.field, error))?;
        let before = read_front(before)?;
        for user in front.basic_auth.iter_mut().flat_map(|auth| &mut auth.users) {
            let known = before.basic_auth.iter().flat_map(|auth| &auth.users).find(|known| known.name == user.name);
            user.password = match (&user.password, known) {
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
        // One that has ended meanwhile does not come back, with whatever was written before.
        for link in &mut front.share_links {
            let known = before.share_links.iter().find(|known| known.name == link.name);
            link.secret = link.secret.take().or_else(|| known.and_then(|known| known.secret.clone()));
        }
        front.share_links.retain(|link| link.secret.is_some());
        if front.is_open() { Ok(None) } else { write_json(&front).map(Some) }
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
