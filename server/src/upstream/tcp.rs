//! TCP connections to whichever of several addresses answers first.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::ConnectPolicy;
use super::error::ConnectError;

/// How long one address has before the next one is tried as well (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// After how much silence a backend is asked whether it is there, how long between two questions, and how many remain
/// unanswered before it is given up.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// Connects to the first of `addresses` that answers. They are tried in order, the two families in turn (RFC 8305 section
/// 4): the next one when the last has failed or takes long.
pub(super) async fn connect(addresses: &[SocketAddr], policy: &ConnectPolicy) -> Result<TcpStream, ConnectError> {
    if let [address] = addresses {
        return connect_to(*address, policy).await;
    }
    let (mut attempts, mut last) = (FuturesUnordered::new(), None);
    let mut waiting = in_turn(addresses).into_iter();
    loop {
        match waiting.next() {
            Some(address) => attempts.push(connect_to(address, policy)),
            None if attempts.is_empty() => return Err(last.unwrap_or(ConnectError::NoAddress)),
            None => {}
        }
        let next = Instant::now() + STAGGER;
        tokio::select! {
            Some(connected) = attempts.next() => match connected {
                Ok(stream) => return Ok(stream),
                // What may not be connected to says more than that nobody is elsewhere.
                Err(_) if matches!(last, Some(ConnectError::Policy(_))) => {}
                Err(error) => last = Some(error),
            },
            () = sleep_until(next), if waiting.len() > 0 => {}
        }
    }
}

/// The same addresses with the families in turn, beginning with that of the first one.
fn in_turn(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| address.is_ipv4() == first);
    let mut others = others.into_iter();
    let mut ordered: Vec<SocketAddr> =
        preferred.into_iter().flat_map(|address| std::iter::once(address).chain(others.next())).collect();
    ordered.extend(others);
    ordered
}

async fn connect_to(address: SocketAddr, policy: &ConnectPolicy) -> Result<TcpStream, ConnectError> {
    policy.check(address)?;
    let opened = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let (time, interval, retries) = KEEPALIVE;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries))?;
        Ok(stream)
    };
    opened.await.map_err(|cause| ConnectError::Io { to: address.to_string(), cause })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses = ["[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", "10.0.0.1:1"];
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let ordered: Vec<String> = in_turn(&addresses).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[2001:db8::1]:1", "10.0.0.1:1", "[2001:db8::2]:1", "[2001:db8::3]:1"]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_costs_no_time() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let addresses = [closed, closed, open.local_addr().unwrap()];
        let stream = connect(&addresses, &ConnectPolicy::Anything).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open.local_addr().unwrap());
        let error = connect(&[closed, closed], &ConnectPolicy::Anything).await.unwrap_err();
        assert!(error.to_string().contains(&closed.to_string()), "{error}");
    }
}
