//! How many sockets may be open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::UserId;

/// A browser opens one for each page that is shown.
const PER_USER: u32 = 20;
const IN_ALL: u32 = 2_000;

/// Counts open sockets. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Quota(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    by_user: HashMap<UserId, u32>,
    in_all: u32,
}

/// A place among the open sockets; given back on drop.
pub(super) struct Place {
    quota: Quota,
    user: UserId,
}

impl Quota {
    /// A place, when there is one left for the user and in all.
    pub(super) fn take(&self, user: UserId) -> Option<Place> {
        let mut open = self.lock();
        let of_user = open.by_user.get(&user).copied().unwrap_or_default();
        if of_user >= PER_USER || open.in_all >= IN_ALL {
            return None;
        }
        open.by_user.insert(user, of_user + 1);
        open.in_all += 1;
        Some(Place { quota: self.clone(), user })
    }

    /// Held for a few instructions only, so an ordinary mutex does; a count is whole again after each of them.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.quota.lock();
        open.in_all -= 1;
        if let Some(of_user) = open.by_user.get_mut(&self.user) {
            *of_user -= 1;
            if *of_user == 0 {
                open.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let quota = Quota::default();
        let (ada, bob) = (UserId(uuid::Uuid::now_v7()), UserId(uuid::Uuid::now_v7()));
        let mut places: Vec<_> = (0..PER_USER).map(|_| quota.take(ada).unwrap()).collect();
        assert!(quota.take(ada).is_none());
        assert!(quota.take(bob).is_some());
        places.pop();
        assert!(quota.take(ada).is_some());
        places.clear();
        let open = quota.lock();
        assert_eq!((open.in_all, open.by_user.len()), (0, 0));
    }
}
