//! What a telephone asks for, as it was written and as it is meant.

use super::AnnouncementRefused;
use crate::{
    WantedService,
    auth::{hex, sha256},
};
use domain::{HostPattern, MountPath, ServiceName, Tag, TokenScope};
use std::fmt;

/// The most services that one telephone announces.
const MOST: usize = 20;

/// A service that a telephone announces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement {
    /// The host; `None`: any.
    pub host: Option<HostPattern>,
    /// The mount; `None`: all of the host.
    pub mount: Option<MountPath>,
    /// What the tunnel is labelled with; `None`: with what is enabled there.
    pub tag: Option<Tag>,
    /// The pool; `None`: the one that is led to.
    pub service: Option<ServiceName>,
}

/// All that a telephone announces.
#[derive(Debug, Clone, Default)]
pub struct Announcements {
    wishes: Vec<Announcement>,
    key: String,
}

impl Announcements {
    /// Understands what was written.
    ///
    /// # Errors
    /// `Invalid`, and what is wrong.
    pub fn parse(written: &[WantedService]) -> Result<Self, AnnouncementRefused> {
        if written.len() > MOST {
            return Err(AnnouncementRefused::Invalid(format!("a telephone announces at most {MOST} services")));
        }
        let wishes = written.iter().map(Announcement::parse).collect::<Result<Vec<_>, _>>()?;
        let mut sorted: Vec<_> = wishes.iter().map(Announcement::line).collect();
        sorted.sort();
        sorted.dedup();
        let key = if sorted.is_empty() { String::new() } else { hex(&sha256(&sorted.join("\n"))) };
        Ok(Self { wishes, key })
    }

    /// Those that may be announced with this scope; the tags that nobody has named are looked at later.
    ///
    /// # Errors
    /// `OutsideScope`, with what the token does allow.
    pub(crate) fn check(&self, scope: &TokenScope) -> Result<(), AnnouncementRefused> {
        self.wishes.iter().try_for_each(|wish| wish.check(scope))
    }

    /// One by one, as they were written.
    pub fn as_slice(&self) -> &[Announcement] {
        &self.wishes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.wishes.is_empty()
    }

    /// The same for telephones that announce the same, in whatever order; empty for none.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Announcement {
    fn parse(written: &WantedService) -> Result<Self, AnnouncementRefused> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let wrong = |text: &str, error: &dyn fmt::Display| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
            AnnouncementRefused::Invalid(format!("{shown:?} was announced: {error}"))
        };
        macro_rules! parsed {
            ($field:ident) => {
                match given(&written.$field) {
                    None => None,
                    Some(text) => Some(text.parse().map_err(|error| wrong(&text, &error))?),
                }
            };
        }
        let wish = Self { host: parsed!(host), mount: parsed!(path), tag: parsed!(tag), service: parsed!(service) };
        if wish.is_nowhere() && wish.service.is_none() {
            return Err(AnnouncementRefused::Invalid("name a host, a path or a service to announce".into()));
        }
        // On a domain, its own target does the same without being in the way of other mounts.
        let mount = wish.mount.filter(|mount| wish.host.is_none() || !mount.is_root());
        Ok(Self { mount, ..wish })
    }

    /// Whether only a pool is joined, wherever it is led to from.
    pub(super) fn is_nowhere(&self) -> bool {
        self.host.is_none() && self.mount.is_none()
    }

    /// Where requests come from.
    pub(super) fn place(&self) -> String {
        match (&self.host, &self.mount) {
            (None, None) => self.service.as_ref().map_or_else(String::new, |name| format!("the service {name}")),
            (None, Some(mount)) => format!("any host {mount}"),
            (Some(host), mount) => format!("{host}{}", mount.as_ref().map_or("", MountPath::as_str)),
        }
    }

    fn line(&self) -> String {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let host = self.host.as_ref().map(ToString::to_string);
        [
            text(host.as_deref()),
            text(self.mount.as_ref().map(MountPath::as_str)),
            text(self.tag.as_ref().map(Tag::as_str)),
            text(self.service.as_ref().map(ServiceName::as_str)),
        ]
        .join(" ")
    }

    fn check(&self, scope: &TokenScope) -> Result<(), AnnouncementRefused> {
        let refused = |what: String, allowed: String| {
            let message = format!("this token does not allow {what}, but {allowed}; use another token");
            Err(AnnouncementRefused::OutsideScope(message))
        };
        if !scope.allows_host(self.host.as_ref()) {
            let what = self.host.as_ref().map_or_else(|| self.place(), |host| format!("the host {host}"));
            return refused(what, listed("hosts", scope.hosts.as_deref()));
        }
        if !scope.allows_path(self.mount.as_ref()) {
            let what =
                self.mount.as_ref().map_or_else(|| "a whole host".to_owned(), |mount| format!("the path {mount}"));
            return refused(what, listed("paths", scope.paths.as_deref()));
        }
        self.tag.as_ref().map_or(Ok(()), |tag| check_tag(scope, Some(tag)))
    }
}

/// Makes sure that the tunnel may carry this tag; `None`: none.
pub(super) fn check_tag(scope: &TokenScope, tag: Option<&Tag>) -> Result<(), AnnouncementRefused> {
    if scope.allows_tag(tag) {
        return Ok(());
    }
    let what = tag.map_or_else(|| "to go without a tag".to_owned(), |tag| format!("the tag {tag}"));
    let allowed = listed("tags", scope.tags.as_deref());
    Err(AnnouncementRefused::OutsideScope(format!(
        "this token does not allow {what}, but {allowed}; use another token"
    )))
}

fn listed<T: fmt::Display>(what: &str, allowed: Option<&[T]>) -> String {
    match allowed {
        None | Some([]) => format!("no {what} at all"),
        Some(list) => {
            let list: Vec<_> = list.iter().map(ToString::to_string).collect();
            format!("the {what} {}", list.join(", "))
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn written(host: &str, path: &str, tag: &str) -> WantedService {
        WantedService { host: Some(host.into()), path: Some(path.into()), tag: Some(tag.into()), service: None }
    }

    #[test]
    fn the_key_is_the_same_whatever_the_order_and_spelling() {
        let (a, b) = (written("A.example.com.", "/api/", "x"), written("*.example.com", "", ""));
        let key = |list: &[WantedService]| Announcements::parse(list).unwrap().key().to_owned();
        assert_eq!(key(&[a.clone(), b.clone()]), key(&[b.clone(), written("a.example.com", "/%61pi", "x"), b.clone()]));
        assert_ne!(key(std::slice::from_ref(&a)), key(&[written("a.example.com", "/api", "y")]));
        assert_ne!(key(&[a]), key(&[written("a.example.com", "", "x")]));
        assert_eq!(key(&[]), "");
        assert_eq!(key(&[written("a.test", "/", "")]), key(&[written("a.test", "", "")]));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let message = |list: &[WantedService]| Announcements::parse(list).unwrap_err().to_string();
        assert!(message(&[written("", "", "blue")]).contains("name a host"));
        assert!(message(&[written("127.0.0.1", "", "")]).contains("\"127.0.0.1\" was announced: this is an IP"));
        assert!(message(&[written("a.test", "api", "")]).contains("begins with a slash"));
        assert!(message(&[written("a.test", "", "a b")]).contains("a tag has"));
        assert!(message(&vec![written("a.test", "", ""); 21]).contains("at most 20"));
    }
}
