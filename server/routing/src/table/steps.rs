//! What a lookup tells about itself.

/// One thing that a lookup asked the table, in the order in which it was asked. Mounts at a depth where the host has
/// none are not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'r> {
    /// Whether there is a host of this name.
    Host {
        /// The host of the request.
        name: &'r str,
        /// Whether it is there.
        found: bool,
    },
    /// Whether there is a wildcard over this name.
    Wildcard {
        /// What follows the star and its dot.
        name: &'r str,
        /// Whether it is there.
        found: bool,
    },
    /// Whether there are routes for any host; asked when there is neither host nor wildcard.
    AnyHost {
        /// Whether there are.
        found: bool,
    },
    /// Whether the host, or any host, has a mount here.
    Mount {
        /// As much of the request's path as the mount would be.
        path: &'r str,
        /// Whether it is there.
        found: bool,
    },
    /// Whether the host has a target of its own; asked when none of its mounts covers the path.
    OwnTarget {
        /// Whether it has.
        found: bool,
    },
}
