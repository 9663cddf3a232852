//! How many telephones sign in at one time.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use domain::source;

/// How many telephones may be signing in at once; more are told to come back.
const MAX_OPENINGS: usize = 512;
/// How many of them may come from one address (IPv6: one network of 64 bits, which is what one customer has). This machine's
/// own are not counted: they may be a proxy's that is not known as one.
const MAX_OF_ONE_ADDRESS: usize = 32;

/// The openings under way.
#[derive(Debug, Default)]
pub(super) struct Openings {
    all: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
}

impl Openings {
    /// A place for one more from `address`.
    pub(super) fn place(self: &Arc<Self>, address: IpAddr) -> Option<OpeningPlace> {
        let mut place = OpeningPlace { openings: self.clone(), address: None };
        if self.all.fetch_add(1, Ordering::Relaxed) >= MAX_OPENINGS {
            return None;
        }
        if !address.is_loopback() {
            let address = source(address);
            let mut under_way = self.by_address.entry(address).or_default();
            if *under_way >= MAX_OF_ONE_ADDRESS {
                return None;
            }
            *under_way += 1;
            place.address = Some(address);
        }
        Some(place)
    }
}

/// One of the places, given back when it is dropped.
#[derive(Debug)]
pub(super) struct OpeningPlace {
    openings: Arc<Openings>,
    /// Where it is counted, when it is.
    address: Option<IpAddr>,
}

impl Drop for OpeningPlace {
    fn drop(&mut self) {
        self.openings.all.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.openings.by_address.remove_if_mut(&address, |_, under_way| {
                *under_way -= 1;
                *under_way == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let openings = Arc::new(Openings::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let places: Vec<_> = (0..MAX_OF_ONE_ADDRESS).map_while(|_| openings.place(one)).collect();
        assert_eq!(places.len(), MAX_OF_ONE_ADDRESS);
        assert!(openings.place(one).is_none());
        assert!(openings.place(other).is_some());
        let of_one = |end: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, end]);
        let spread: Vec<_> = (0..MAX_OF_ONE_ADDRESS as u16).map_while(|end| openings.place(of_one(end))).collect();
        assert!(openings.place(of_one(u16::MAX)).is_none(), "all of these are one customer's");
        assert!(openings.place(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1])).is_some());
        drop(spread);
        drop(places);
        assert!(openings.place(one).is_some());
        assert!(openings.by_address.is_empty());
        assert_eq!(openings.all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let openings = Arc::new(Openings::default());
        let here = IpAddr::from([127, 0, 0, 1]);
        let places: Vec<_> = (0..MAX_OPENINGS).map_while(|_| openings.place(here)).collect();
        assert_eq!(places.len(), MAX_OPENINGS);
        assert!(openings.place(here).is_none());
    }
}
