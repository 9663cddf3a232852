//! Networks, made ready to be asked about.

use std::net::{IpAddr, Ipv6Addr};

use domain::{Network, in_ipv6};

/// A set of addresses: ranges in order that do not touch, so that a search takes the logarithm of their number, and no
/// memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Box<[(u128, u128)]>);

impl Ranges {
    pub(super) fn new(networks: &[Network]) -> Self {
        let number = |address: Ipv6Addr| u128::from(address);
        let mut bounds: Vec<_> = networks.iter().map(|network| network.bounds()).collect();
        bounds.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(bounds.len());
        for (first, last) in bounds {
            let (first, last) = (number(first), number(last));
            match ranges.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => ranges.push((first, last)),
            }
        }
        Self(ranges.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = u128::from(in_ipv6(address));
        let after = self.0.partition_point(|(first, _)| *first <= address);
        after.checked_sub(1).is_some_and(|at| address <= self.0[at].1)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn ranges(texts: &[&str]) -> Ranges {
        Ranges::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn what_touches_is_one() {
        let lists = ranges(&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7", "::1", "10.0.0.0/16"]);
        assert_eq!(lists.0.len(), 2);
        for (address, inside) in
            [("10.0.255.255", true), ("10.1.0.0", false), ("9.255.255.255", false), ("::1", true), ("::2", false)]
        {
            assert_eq!(lists.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(ranges(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
        assert!(!ranges(&["0.0.0.0/0"]).contains("::".parse().unwrap()));
        assert!(ranges(&["::/0"]).contains("1.2.3.4".parse().unwrap()));
        assert!(!ranges(&[]).contains("1.2.3.4".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn it_says_what_each_network_says(
            networks in proptest::collection::vec((any::<[u8; 4]>(), 0u8..=32), 0..20),
            addresses in proptest::collection::vec(any::<[u8; 4]>(), 20),
        ) {
            let networks: Vec<ipnet::Ipv4Net> =
                networks.into_iter().map(|(address, length)| ipnet::Ipv4Net::new(address.into(), length).unwrap()).collect();
            let texts: Vec<Network> = networks.iter().map(|network| network.to_string().parse().unwrap()).collect();
            let ranges = Ranges::new(&texts);
            let edges = networks.iter().flat_map(|network| [network.network(), network.broadcast()]);
            for address in addresses.into_iter().map(Into::into).chain(edges) {
                let one_by_one = networks.iter().any(|network| network.contains(&address));
                prop_assert_eq!(ranges.contains(address.into()), one_by_one, "{}", address);
            }
        }
    }
}
