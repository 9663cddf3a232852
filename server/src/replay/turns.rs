//! How many replays are under way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::UserId;
use server_core::{CoreError, Result};

/// How many of one owner.
const OF_ONE: u32 = 4;
/// How many of all.
const OF_ALL: u32 = 64;
/// After how long it is worth trying again.
const RETRY: Duration = Duration::from_secs(2);

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<UserId, u32>>);

/// One that is, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    owner: UserId,
}

impl Turns {
    /// One more.
    ///
    /// # Errors
    /// `Throttled` when there are as many as may be.
    pub(super) fn take(self: &Arc<Self>, owner: UserId) -> Result<Turn> {
        let mut turns = self.lock();
        let all: u32 = turns.values().sum();
        let of_owner = turns.entry(owner).or_default();
        if all >= OF_ALL || *of_owner >= OF_ONE {
            return Err(CoreError::Throttled { retry_after: RETRY });
        }
        *of_owner += 1;
        Ok(Turn { turns: self.clone(), owner })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        if let Some(of_owner) = turns.get_mut(&self.owner) {
            *of_owner -= 1;
            if *of_owner == 0 {
                turns.remove(&self.owner);
            }
        }
    }
}
