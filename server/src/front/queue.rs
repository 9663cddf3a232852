//! Who waits for a password to be looked at.
//!
//! There are few places, and whoever comes last is not the one to go: it is one of the network that has the most of them, and
//! of several such networks a random one. So nobody keeps others out by filling the places, from however many addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::in_ipv6;
use rand::seq::IndexedRandom as _;
use tokio::sync::oneshot;

/// How many wait at most.
const MOST: usize = 64;

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    places: HashMap<u64, (Ipv6Addr, oneshot::Sender<()>)>,
}

/// The place of one who waits; free again when it is dropped.
#[derive(Debug)]
#[must_use = "the place is free when this is dropped"]
pub(super) struct Place<'a> {
    queue: &'a Queue,
    id: u64,
    lost: oneshot::Receiver<()>,
}

impl Queue {
    /// A place for this client; `None` when it is the one to go.
    pub(super) fn enter(&self, client: IpAddr) -> Option<Place<'_>> {
        let (sender, lost) = oneshot::channel();
        let mut waiting = self.lock();
        let id = waiting.next;
        waiting.next += 1;
        waiting.places.insert(id, (network(client), sender));
        let gone = (waiting.places.len() > MOST).then(|| waiting.crowding()).flatten();
        if let Some(gone) = gone {
            // Whoever has it sees that there is nobody at the other end.
            waiting.places.remove(&gone);
        }
        drop(waiting);
        (gone != Some(id)).then_some(Place { queue: self, id, lost })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// One of the network that has the most places.
    fn crowding(&self) -> Option<u64> {
        let mut sizes: HashMap<Ipv6Addr, usize> = HashMap::new();
        self.places.values().for_each(|(network, _)| *sizes.entry(*network).or_default() += 1);
        let most = sizes.values().copied().max()?;
        let crowding: Vec<u64> = self
            .places
            .iter()
            .filter(|(_, (network, _))| sizes.get(network) == Some(&most))
            .map(|(id, _)| *id)
            .collect();
        crowding.choose(&mut rand::rng()).copied()
    }
}

impl Place<'_> {
    /// Waits until somebody else has the place.
    pub(super) async fn lost(&mut self) {
        // Nobody sends anything: the other end goes.
        let _gone = (&mut self.lost).await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.lock().places.remove(&self.id);
    }
}

/// What one customer may have: an IPv4 network of 24 bits, an IPv6 one of 48.
fn network(client: IpAddr) -> Ipv6Addr {
    let address = u128::from(in_ipv6(client));
    let bits = if client.to_canonical().is_ipv4() { 96 + 24 } else { 48 };
    Ipv6Addr::from(address & (u128::MAX << (128 - bits)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn address(network: usize, host: usize) -> IpAddr {
        format!("10.{}.{}.{host}", network / 256, network % 256).parse().unwrap()
    }

    #[tokio::test]
    async fn one_of_the_network_with_the_most_places_goes() {
        let queue = Queue::default();
        let mut many: Vec<_> = (0..MOST).map(|host| queue.enter(address(1, host)).unwrap()).collect();
        let one = queue.enter(address(2, 1)).unwrap();
        assert_eq!(queue.lock().places.len(), MOST);
        let gone: Vec<_> = many.iter_mut().filter_map(|place| place.lost.try_recv().err()).collect();
        let closed = gone.iter().filter(|error| **error == oneshot::error::TryRecvError::Closed).count();
        assert_eq!(closed, 1);
        // However many of them come, the other one stays.
        for host in 0..200 {
            drop(queue.enter(address(1, host)));
        }
        assert!(queue.lock().places.contains_key(&one.id));
        drop((many, one));
        assert!(queue.lock().places.is_empty());
    }

    #[test]
    fn networks_are_what_a_customer_has() {
        for (one, other, same) in [
            ("10.0.0.1", "10.0.0.255", true),
            ("10.0.0.1", "::ffff:10.0.0.2", true),
            ("10.0.0.1", "10.0.1.1", false),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            assert_eq!(network(one.parse().unwrap()) == network(other.parse().unwrap()), same, "{one} {other}");
        }
    }
}
