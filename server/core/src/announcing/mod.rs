//! What telephones announce: services that their tunnels join for as long as they are connected.

mod join;
mod make;
mod place;
mod refused;
mod wish;

use crate::{
    Result,
    store::{parse, rows::tunnels},
    tunnels::Addresses,
};
use domain::{HostPattern, MountPath, ServiceName, Tag, Verification};
use join::{Joins, standing};
use place::{Place, locate};
pub use refused::AnnouncementRefused;
use sea_orm::ConnectionTrait;
use std::collections::HashMap;
pub use wish::{Announcement, Announcements};

/// A service that a telephone has announced, as it was found or made.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnouncedService {
    /// The host; `None`: any.
    pub host: Option<HostPattern>,
    /// The mount; `None`: all of the host.
    pub mount: Option<MountPath>,
    /// The tunnel's label in the pool; `None`: none.
    pub tag: Option<Tag>,
    /// The pool.
    pub service: ServiceName,
    /// Where it is reached; `None`: at no single address.
    pub public_url: Option<String>,
    /// What has to be done before the host is routed; `None`: nothing.
    pub verification: Option<Verification>,
}

/// What a tunnel's telephones have announced, when all of it is in place; `None`: something has to be made or changed.
pub(crate) async fn in_place(
    connection: &impl ConnectionTrait,
    addresses: &Addresses,
    tunnel: &tunnels::Model,
    wanted: &Announcements,
) -> Result<Option<Vec<AnnouncedService>>, AnnouncementRefused> {
    let mut joins = Joins::default();
    let mut found = Vec::with_capacity(wanted.as_slice().len());
    for wish in wanted.as_slice() {
        let Place::Leads(spot) = locate(connection, tunnel.owner_id, wish).await? else { return Ok(None) };
        joins.want(&spot.service, wish.tag.as_ref(), spot.enabled.as_ref());
        found.push((wish, spot));
    }
    let rows = standing(connection, tunnel).await?;
    let mut tags = HashMap::new();
    for (service, want) in joins.iter() {
        let Some(there) = want.met_by(service, &rows)? else { return Ok(None) };
        tags.insert(service, there);
    }
    if rows.iter().any(|row| row.announced && row.deleted_at.is_none() && !tags.contains_key(&row.service_id)) {
        return Ok(None);
    }
    let shown = found.into_iter().map(|(wish, spot)| {
        let first = tags.get(&spot.service.id).and_then(|tags| tags.iter().next().cloned());
        Ok(AnnouncedService {
            host: wish.host.clone(),
            mount: wish.mount.clone(),
            tag: wish.tag.clone().or(first),
            service: parse(&spot.service.name)?,
            public_url: address(addresses, wish, spot.domain.as_ref().is_some_and(|domain| domain.http_to_https)),
            verification: spot.domain.as_ref().filter(|domain| domain.verified_at.is_none()).and_then(|domain| {
                let host = wish.host.as_ref()?;
                Some(Verification::of(host, &domain.verification_token))
            }),
        })
    });
    Ok(Some(shown.collect::<Result<_>>()?))
}

/// Where one host is reached: with the dashboard's scheme and port, as tunnels are.
fn address(addresses: &Addresses, wish: &Announcement, https: bool) -> Option<String> {
    let Some(HostPattern::Exact(host)) = &wish.host else { return None };
    let path = wish.mount.as_ref().filter(|mount| !mount.is_root()).map_or("", MountPath::as_str);
    if https {
        return Some(format!("https://{host}{path}"));
    }
    let port = addresses.public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}{path}", addresses.public_url.scheme()))
}

impl crate::edit::Edit<'_> {
    /// What a tunnel's telephones have announced goes with it.
    pub(crate) async fn remove_announced_of(&mut self, tunnel: &tunnels::Model) -> Result<()> {
        for row in standing(self.tx(), tunnel).await? {
            if row.announced {
                self.remove_backend(row, domain::RevisionAction::Deleted).await?;
            }
        }
        Ok(())
    }
}
