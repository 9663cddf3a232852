//! What stands in front of a tunnel, a domain or a route, by itself.

use crate::{
    CoreError, DomainRef, Expected, Inspected, LinkSecret, Result, Services, TunnelPatch, Viewer,
    auth::{hex, random_base64, sha256},
    store::now,
};
use chrono::TimeDelta;
use domain::{BasicName, DomainPatch, Front, MOST_LINKS, NewShareLink, RoutePatch, RuleId, ShareLink, Timestamp};
use uuid::Uuid;

/// The shortest and the longest life of a link, seconds.
const LINK_LIFE: (u32, u32) = (60, 90 * 86_400);

impl Services {
    /// What stands in front of it.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn front(&self, viewer: &Viewer, of: Inspected) -> Result<Front> {
        match of {
            Inspected::Tunnel(id) => self.tunnels().front(viewer, id).await,
            Inspected::Rule(RuleId::Domain(id)) => self.hosts().front(viewer, &DomainRef::Id(id)).await,
            Inspected::Rule(RuleId::Route(id)) => self.routes().front(viewer, id).await,
        }
    }

    /// Whether a visitor's password is the one of this hash; without one it takes as long to say no.
    ///
    /// # Errors
    /// `Throttled` when too many wait for that.
    pub async fn is_visitors(&self, password: &str, stored: Option<&str>) -> Result<bool> {
        self.hosts().desk.is_visitors(password, stored).await
    }

    /// How many hashes of passwords were computed since the start: for accounts, and for visitors.
    pub fn password_hashes(&self) -> (u64, u64) {
        (self.accounts().passwords.computed(), self.hosts().desk.visitors_hashes())
    }

    /// When it, or anything else of what it stands in front of, was last changed.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn front_updated_at(&self, viewer: &Viewer, of: Inspected) -> Result<Timestamp> {
        Ok(match of {
            Inspected::Tunnel(id) => self.tunnels().get(viewer, id).await?.updated_at,
            Inspected::Rule(RuleId::Domain(id)) => self.hosts().get(viewer, &DomainRef::Id(id)).await?.updated_at,
            Inspected::Rule(RuleId::Route(id)) => self.routes().get(viewer, id).await?.updated_at,
        })
    }

    /// Changes all of it. Requests that come from now on have to pass it.
    ///
    /// # Errors
    /// `Invalid` names the field; `NotFound`; a conflict when the thing is deleted; `Changed` when it is not as expected.
    pub async fn set_front(&self, viewer: &Viewer, of: Inspected, front: Front, expected: Expected) -> Result<Front> {
        let front = Some(front);
        match of {
            Inspected::Tunnel(id) => {
                let patch = TunnelPatch { front, ..TunnelPatch::default() };
                self.tunnels().if_unchanged(expected).update(viewer, id, patch).await?;
            }
            Inspected::Rule(RuleId::Domain(id)) => {
                let patch = DomainPatch { front, ..DomainPatch::default() };
                self.hosts().if_unchanged(expected).update(viewer, &DomainRef::Id(id), patch).await?;
            }
            Inspected::Rule(RuleId::Route(id)) => {
                let patch = RoutePatch { front, ..RoutePatch::default() };
                self.routes().if_unchanged(expected).update(viewer, id, patch).await?;
            }
        }
        self.front(viewer, of).await
    }

    /// Makes a link that lets whoever has it in without a password. Its secret is in the answer and nowhere else. Links that
    /// have ended make room.
    ///
    /// # Errors
    /// `Invalid` for its life, `share_link_exists`, `share_link_limit`; as [`set_front`](Self::set_front).
    pub async fn share(&self, viewer: &Viewer, of: Inspected, new: NewShareLink) -> Result<(ShareLink, LinkSecret)> {
        let (least, most) = LINK_LIFE;
        if !(least..=most).contains(&new.expires_in) {
            return Err(CoreError::invalid("expires_in", "a link is good for a minute to 90 days"));
        }
        // Of two at once, the second is told so rather than that it loses what the first has made.
        let unchanged = Expected::OneOf(vec![self.front_updated_at(viewer, of).await?]);
        let mut front = self.front(viewer, of).await?;
        let moment = now();
        front.share_links.retain(|link| link.expires_at > moment);
        if front.share_links.iter().any(|link| link.name == new.name) {
            return Err(CoreError::conflict(
                "share_link_exists",
                "there is a link of this name; end it, or choose another name",
            ));
        }
        if front.share_links.len() >= MOST_LINKS {
            let message = format!("there are {MOST_LINKS} links, which is the limit; end one that is not needed");
            return Err(CoreError::conflict("share_link_limit", message));
        }
        let secret = format!("sbl_{}", random_base64());
        let hash = hex(&sha256(&secret)).parse();
        let hash = hash.map_err(|error| CoreError::Internal(format!("the hash of a link: {error}")))?;
        let link = ShareLink {
            name: new.name,
            expires_at: moment + TimeDelta::seconds(new.expires_in.into()),
            secret: Some(hash),
        };
        front.share_links.push(link.clone());
        self.set_front(viewer, of, front, unchanged).await?;
        Ok((ShareLink { secret: None, ..link }, LinkSecret::new(secret)))
    }

    /// Ends a link: whoever came in by it is asked for the password again.
    ///
    /// # Errors
    /// `NotFound`, also when the thing is someone else's.
    pub async fn end_share(&self, viewer: &Viewer, of: Inspected, name: &BasicName) -> Result<()> {
        let unchanged = Expected::OneOf(vec![self.front_updated_at(viewer, of).await?]);
        let mut front = self.front(viewer, of).await?;
        let place = front.share_links.iter().position(|link| link.name == *name);
        front.share_links.remove(place.ok_or(CoreError::NotFound("link"))?);
        self.set_front(viewer, of, front, unchanged).await.map(drop)
    }

    /// Keeps a new link's secret in memory for the page that shows it once, for at most ten minutes.
    pub fn keep_link_for_reveal(&self, viewer: &Viewer, of: Inspected, secret: LinkSecret) {
        self.link_reveals().keep((viewer.id(), id_of(of)), secret);
    }

    /// The secret kept for this page, once.
    pub fn reveal_link(&self, viewer: &Viewer, of: Inspected) -> Option<LinkSecret> {
        self.link_reveals().take((viewer.id(), id_of(of)))
    }
}

fn id_of(of: Inspected) -> Uuid {
    match of {
        Inspected::Tunnel(id) => id.0,
        Inspected::Rule(RuleId::Domain(id)) => id.0,
        Inspected::Rule(RuleId::Route(id)) => id.0,
    }
}
