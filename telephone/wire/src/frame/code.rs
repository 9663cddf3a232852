use std::fmt;

/// Why a stream was reset or is not read any further. Codes not named here are possible and mean
/// [`ResetCode::INTERNAL`] to who does not know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResetCode(pub u32);

impl ResetCode {
    /// Nothing is wrong; the rest is simply not needed (a server answered before reading the whole request).
    pub const NO_ERROR: Self = Self(0);
    /// Whoever wanted the answer has gone.
    pub const CANCEL: Self = Self(1);
    /// The stream was turned away before anything was done with it; it is safe to try elsewhere.
    pub const REFUSED: Self = Self(2);
    /// The body broke at its source; what arrived is not all of it.
    pub const BROKEN: Self = Self(3);
    /// A limit of this end was exceeded.
    pub const LIMIT: Self = Self(4);
    /// A fault of this end.
    pub const INTERNAL: Self = Self(5);
    /// The stream is over already.
    pub const CLOSED: Self = Self(6);
    /// The session behind the sender of this was lost. Nobody knows what became of the request.
    pub const LOST: Self = Self(7);
}

impl fmt::Display for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NO_ERROR => "not needed",
            Self::CANCEL => "cancelled",
            Self::REFUSED => "refused",
            Self::BROKEN => "broken at its source",
            Self::LIMIT => "limit exceeded",
            Self::INTERNAL => "internal error",
            Self::CLOSED => "already closed",
            Self::LOST => "lost on its way",
            Self(other) => return write!(f, "code {other}"),
        };
        f.write_str(name)
    }
}
