//! What a request has been sent to already.

/// The candidates that a request was given to and did not get through, by their places. Kept in place, with
/// room for [`Tried::CAPACITY`] of them.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    places: [u32; Self::CAPACITY],
    len: usize,
}

impl Tried {
    /// How many can be tried: one and the most retries that a service may have.
    pub const CAPACITY: usize = 11;

    /// Adds one. `false` when there is no room: the request has been tried often enough.
    #[must_use = "without room, the candidate would be picked again"]
    pub fn insert(&mut self, index: usize) -> bool {
        if self.contains(index) {
            return true;
        }
        let (Some(place), Ok(index)) = (self.places.get_mut(self.len), u32::try_from(index)) else { return false };
        *place = index;
        self.len += 1;
        true
    }

    /// Whether it was tried.
    pub fn contains(&self, index: usize) -> bool {
        self.places[..self.len].iter().any(|place| usize::try_from(*place) == Ok(index))
    }

    /// How many were tried.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none was tried yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
