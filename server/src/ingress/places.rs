//! How many connections there may be, in all and of one client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use domain::source;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections a listener has places for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// That are served.
    pub connections: usize,
    /// Of one client among them; `None`: as many as there are places. An IPv6 client is a network of 64 bits, which is
    /// what one customer has.
    pub of_one_client: Option<usize>,
    /// That are told that there is no place, besides. Without one, whoever comes waits in the kernel's queue.
    pub spare: usize,
}

/// The places of a listener.
#[derive(Debug)]
pub struct Places {
    room: Room,
    open: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    by_client: DashMap<IpAddr, usize>,
    full: AtomicU64,
    crowded: AtomicU64,
}

/// How the places are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceFigures {
    /// Connections that are served.
    pub open: usize,
    /// Connections that found all places taken, since the start.
    pub full: u64,
    /// Connections whose client had as many as it may, since the start.
    pub crowded: u64,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Option<Counted>,
    spare: bool,
}

/// One more connection of a client.
#[derive(Debug)]
struct Counted {
    places: Arc<Places>,
    client: IpAddr,
}

impl Places {
    /// All of them free.
    pub fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            room,
            open: Arc::new(Semaphore::new(room.connections)),
            spare: Arc::new(Semaphore::new(room.spare)),
            by_client: DashMap::new(),
            full: AtomicU64::new(0),
            crowded: AtomicU64::new(0),
        })
    }

    /// How they are used.
    pub fn figures(&self) -> PlaceFigures {
        PlaceFigures {
            open: self.room.connections.saturating_sub(self.open.available_permits()),
            full: self.full.load(Ordering::Relaxed),
            crowded: self.crowded.load(Ordering::Relaxed),
        }
    }

    /// Waits until there is a place of either kind.
    pub(super) async fn room(&self) {
        if self.open.available_permits() > 0 {
            return;
        }
        tokio::select! {
            biased;
            _ = self.open.acquire() => {}
            _ = self.spare.acquire() => {}
        }
    }

    /// A place for a connection. `client` is counted, unless it is `None`. Nothing when all are taken, or the client has
    /// as many as it may and others may need the spare ones.
    pub(super) fn place(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Place> {
        let Ok(counted) = client.map(|client| self.count(source(client))).transpose() else {
            self.crowded.fetch_add(1, Ordering::Relaxed);
            // What one client does must not keep others from being told what they are told when all places are taken.
            let plenty = self.spare.available_permits() > self.room.spare / 2;
            return if plenty { self.spare(None) } else { None };
        };
        match self.open.clone().try_acquire_owned() {
            Ok(permit) => Some(Place { _permit: permit, _counted: counted, spare: false }),
            Err(_) => {
                self.full.fetch_add(1, Ordering::Relaxed);
                self.spare(counted)
            }
        }
    }

    fn spare(&self, counted: Option<Counted>) -> Option<Place> {
        let permit = self.spare.clone().try_acquire_owned().ok()?;
        Some(Place { _permit: permit, _counted: counted, spare: true })
    }

    fn count(self: &Arc<Self>, client: IpAddr) -> Result<Counted, Crowded> {
        let mut open = self.by_client.entry(client).or_default();
        if self.room.of_one_client.is_some_and(|most| *open >= most) {
            return Err(Crowded);
        }
        *open += 1;
        Ok(Counted { places: self.clone(), client })
    }
}

/// A client has as many connections as it may.
struct Crowded;

impl Place {
    /// Whether it is only for being told that there is none.
    pub(super) fn is_spare(&self) -> bool {
        self.spare
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.places.by_client.remove_if_mut(&self.client, |_, open| {
            *open -= 1;
            *open == 0
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const ROOM: Room = Room { connections: 4, of_one_client: Some(2), spare: 4 };

    fn client(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn one_client_cannot_take_all_places() {
        let places = Places::new(ROOM);
        let taken: Vec<_> = (0..2).map(|_| places.place(client("192.0.2.1")).unwrap()).collect();
        assert!(taken.iter().all(|place| !place.is_spare()));
        // It is told so, as long as half of those places are left for others.
        let told: Vec<_> = (0..2).map(|_| places.place(client("::ffff:192.0.2.1")).unwrap()).collect();
        assert!(told.iter().all(Place::is_spare));
        assert!(places.place(client("192.0.2.1")).is_none());
        assert!(!places.place(client("192.0.2.2")).unwrap().is_spare());
        assert_eq!(places.figures(), PlaceFigures { open: 2, full: 0, crowded: 3 });
        drop((taken, told));
        assert!(!places.place(client("192.0.2.1")).unwrap().is_spare());
        assert!(places.by_client.is_empty());
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let places = Places::new(ROOM);
        let _taken = ["2001:db8::1", "2001:db8::2:1"].map(|address| places.place(client(address)).unwrap());
        assert!(places.place(client("2001:db8::ffff:1")).unwrap().is_spare());
        assert!(!places.place(client("2001:db8:0:1::1")).unwrap().is_spare());
    }

    #[test]
    fn when_all_are_taken_the_spare_ones_are_given() {
        let places = Places::new(ROOM);
        let taken: Vec<_> = std::iter::from_fn(|| places.place(None)).collect();
        let spare = taken.iter().filter(|place| place.is_spare()).count();
        assert_eq!((taken.len(), spare), (8, 4));
        assert_eq!(places.figures(), PlaceFigures { open: 4, full: 5, crowded: 0 });
        drop(taken);
        assert_eq!(places.figures().open, 0);
    }
}
