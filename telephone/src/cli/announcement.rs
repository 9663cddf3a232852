//! What a telephone serves besides its tunnel.

use telephone::Announcement;

/// Why it cannot be announced.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnnouncementError {
    /// There is nothing that the tag could be of.
    #[error("a tag is for a service; name it by host, path or service")]
    Tag,
    /// It is not one.
    #[error("{0:?} is no path; it begins with a slash, as in /api")]
    Path(String),
}

/// The service that is announced, if one is. Whether host, path and names are good is the switchboard's to say.
pub(super) fn of(
    host: Option<String>,
    path: Option<String>,
    tag: Option<String>,
    service: Option<String>,
) -> Result<Option<Announcement>, AnnouncementError> {
    match &path {
        None if host.is_none() && service.is_none() => match tag {
            None => Ok(None),
            Some(_) => Err(AnnouncementError::Tag),
        },
        Some(path) if !path.starts_with('/') => Err(AnnouncementError::Path(path.clone())),
        _ => Ok(Some(Announcement { host, path, tag, service })),
    }
}
