//! What others do to us: local servers that break every rule, visitors who leave, crowds, and neighbours who take more
//! than their share. Over real sockets and, where the figures of a process are what counts, with the real programs.
//! `docs/reliability.md` says what each of these shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attackers;
mod cancels;
mod crowds;
mod full;
mod handlers;
mod leaving;
mod limits;
mod local;
mod logins;
mod neighbours;
mod odd;
mod overload;
mod parts;
mod raw;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::Switchboard;
use telephone::{Agent, AgentHandle, Target};

/// For what is a matter of milliseconds, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

/// A telephone with a new token that forwards to `target`, once it is connected.
async fn telephone(switchboard: &Switchboard, subdomain: &str, target: SocketAddr) -> AgentHandle {
    let (_, token) = switchboard.token().await;
    let target = Target::parse(&target.to_string()).unwrap();
    let agent = Agent::builder(switchboard.url(), &token).target(target).subdomain(subdomain).start().unwrap();
    agent.ready().await.unwrap();
    agent
}
