//! Processes that play a part in a test: this test binary, started again. One process has not enough files for both
//! ends of ten thousand requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use telephone::{Agent, Target};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::raw::Connection;
use crate::support::Program;

/// How many connections are being made at once: the kernel's queue for a listener is not what is tested.
const CONNECTING: usize = 256;
/// How long who trickles waits before the next byte.
const TRICKLE: Duration = Duration::from_secs(1);

/// Starts a process that asks each of `hosts` in turn, all in all `count` times at once, and then says how many have
/// had a whole answer of `length` bytes.
pub fn visitors(address: SocketAddr, hosts: &[String], count: usize, length: usize) -> Program {
    let numbers = format!("{address} {count} {length}");
    Program::start(part("parts::the_visitors", &[&[numbers], hosts].concat()))
}

/// Starts a process with a telephone for each of `subdomains`. It says `ready`, and again and again how many tasks it has.
pub fn telephones(url: &str, token: &str, target: SocketAddr, subdomains: &[String]) -> Program {
    let given = [url.to_owned(), token.to_owned(), target.to_string()];
    Program::start(part("parts::the_telephones", &[&given, subdomains].concat()))
}

/// Starts a process with `count` clients of `host`, each of which holds its connection up as `how` says, and comes again as
/// soon as it is let go. It says `all have come`, and when each was let go once, `all were let go`.
pub fn attackers(address: SocketAddr, host: &str, how: &str, count: usize) -> Program {
    let given = [address.to_string(), host.to_owned(), how.to_owned(), count.to_string()];
    Program::start(part("parts::the_attackers", &given))
}

fn part(name: &str, given: &[String]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture"]).env("FAULTS_PART", given.join(" "));
    command
}

/// What this process is given for its part; `None` when nobody has started it to play one.
fn given() -> Option<Vec<String>> {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let given = std::env::var("FAULTS_PART").ok()?;
    Some(given.split(' ').map(str::to_owned).collect())
}

#[tokio::test]
#[ignore = "a part of other tests, which start it"]
async fn the_visitors() {
    let Some(given) = given() else { return };
    let [address, count, length, hosts @ ..] = given.as_slice() else { panic!("{given:?}") };
    let (address, length): (SocketAddr, usize) = (address.parse().unwrap(), length.parse().unwrap());
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let mut visits = JoinSet::new();
    for n in 0..count.parse().unwrap() {
        let (host, connecting) = (hosts[n % hosts.len()].clone(), connecting.clone());
        visits.spawn(async move {
            let place = connecting.acquire().await.unwrap();
            let mut visitor = Connection::to(address).await;
            drop(place);
            visitor.write(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await;
            let head = visitor.head().await.unwrap_or_default();
            let body = visitor.rest().await;
            if head.starts_with("HTTP/1.1 200 ") && body.len() == length {
                Ok(())
            } else {
                Err(format!("{head}{}", String::from_utf8_lossy(&body)))
            }
        });
    }
    let (mut answered, mut others) = (0, 0);
    while let Some(visit) = visits.join_next().await {
        match visit.unwrap() {
            Ok(()) => answered += 1,
            Err(answer) => {
                // At once: somebody may be waiting for this one to arrive.
                println!("not answered: {answer:?}");
                others += 1;
            }
        }
    }
    println!("answered {answered}, {others} not");
}

#[tokio::test]
#[ignore = "a part of other tests, which start it"]
async fn the_telephones() {
    let Some(given) = given() else { return };
    let [url, token, target, subdomains @ ..] = given.as_slice() else { panic!("{given:?}") };
    let target = Target::parse(target).unwrap();
    let mut agents = Vec::new();
    for subdomain in subdomains {
        agents.push(Agent::builder(url, token).target(target.clone()).subdomain(subdomain).start().unwrap());
    }
    for agent in &agents {
        agent.ready().await.unwrap();
    }
    println!("ready");
    loop {
        println!("tasks {}", tokio::runtime::Handle::current().metrics().num_alive_tasks());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
#[ignore = "a part of other tests, which start it"]
async fn the_attackers() {
    let Some(given) = given() else { return };
    let [address, host, how, count] = given.as_slice() else { panic!("{given:?}") };
    let (address, count): (SocketAddr, usize) = (address.parse().unwrap(), count.parse().unwrap());
    let opening = match how.as_str() {
        "silent" => String::new(),
        "preface" => "PRI * HTTP/2.0\r\n\r\nSM".to_owned(),
        "head" | "trickle" => format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-More: "),
        "body" => format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\nbegun"),
        "unread" => format!("GET /large HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        _ => panic!("{how}"),
    };
    let (opening, unread, trickles): (Arc<str>, bool, bool) = (opening.into(), how == "unread", how == "trickle");
    let (connecting, [come, gone]) =
        (Arc::new(Semaphore::new(CONNECTING)), [(); 2].map(|()| Arc::new(Semaphore::new(0))));
    for _ in 0..count {
        let (opening, connecting, come, gone) = (opening.clone(), connecting.clone(), come.clone(), gone.clone());
        tokio::spawn(async move {
            let mut first = true;
            loop {
                let place = connecting.acquire().await.unwrap();
                let mut connection = Connection::narrow(address).await;
                drop(place);
                connection.write(opening.as_bytes()).await;
                if first {
                    come.add_permits(1);
                }
                match unread {
                    true => connection.gone_unread().await,
                    // A byte now and then (slowloris).
                    false if trickles => {
                        while timeout(TRICKLE, connection.gone()).await.is_err() {
                            connection.write(b"x").await;
                        }
                    }
                    false => connection.gone().await,
                }
                if std::mem::take(&mut first) {
                    gone.add_permits(1);
                }
            }
        });
    }
    let all = u32::try_from(count).unwrap();
    let _all = come.acquire_many(all).await.unwrap();
    println!("all have come");
    let _all = gone.acquire_many(all).await.unwrap();
    println!("all were let go");
    std::future::pending::<()>().await;
}
