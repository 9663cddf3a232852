//! Thousands who hold connections up in one way or another, and come again as soon as they are let go: new users are
//! served, memory stays within bounds, and nothing is left of it afterwards.

use std::time::{Duration, Instant};

use crate::parts;
use crate::raw::{Connection, RawOrigin};
use crate::support::{Programs, until, within};

const ATTACKERS: usize = 5_000;
/// Those who do not read are fewer: with what waits for five thousand of them, in both ends of each of their connections, Linux
/// runs short of memory for TCP on an ordinary machine, whoever serves them.
const UNREAD: usize = 1_000;
/// What each may cost the server at most, bytes: runs gave 1 to 7 KiB of those who have not begun a request, 7 to 23 KiB of half a head,
/// and 28 KiB of half a body on its way to a telephone.
const MEMORY: u64 = 64 * 1024;
/// Of those who have asked for something that they do not read.
const UNREAD_MEMORY: u64 = 512 * 1024;
/// For all of them to come, or to be gone.
const TIME: Duration = Duration::from_secs(240);
/// How many new users come meanwhile.
const USERS: usize = 50;
/// How many more files there may be afterwards: the figures are asked for over connections as well.
const SPARE: usize = 8;

/// Answers with much, and takes all of a request first.
async fn serve(mut connection: Connection) {
    let piece = vec![b'x'; 64 * 1024];
    while let Some(head) = connection.head().await {
        if head.starts_with("POST ") {
            connection.gone().await;
            return;
        }
        let pieces = if head.starts_with("GET /large ") { 16 } else { 0 };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", pieces * piece.len());
        connection.write(head.as_bytes()).await;
        for _ in 0..pieces {
            connection.write(&piece).await;
        }
    }
}

async fn hold_up(how: &str, count: usize, most: u64) {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let origin = RawOrigin::start(serve).await;
    let settings = [("SWITCHBOARD_HEADER_TIMEOUT", "5s"), ("SWITCHBOARD_IDLE_TIMEOUT", "5s")];
    let programs = Programs::start_with(&settings).await;
    let (_, token) = programs.token().await;
    let _attacked = programs.telephone_with(&token, "attacked", origin.address, &[]).await;
    let _other = programs.telephone_with(&token, "other", origin.address, &[]).await;
    let visit = async |subdomain: &str| programs.visitor(subdomain).text("/").await.0;
    assert_eq!((visit("attacked").await, visit("other").await), (200, 200));
    let (memory, files) = (programs.switchboard.memory(), programs.switchboard.open_files());

    let host = format!("attacked.localhost:{}", programs.address.port());
    let mut attackers = parts::attackers(programs.address, &host, how, count);
    within(TIME, "all of them", attackers.line_with("all have come")).await;
    let mut waits = Vec::new();
    for _ in 0..USERS {
        // Nobody waits for those who are in the way.
        for subdomain in ["other", "attacked"] {
            let begun = Instant::now();
            assert_eq!(within(TIME, "a new user", visit(subdomain)).await, 200);
            waits.push(begun.elapsed());
        }
        let page = within(TIME, "a page", programs.client().bearer("").text("/web/login")).await;
        assert_eq!(page.0, 200);
    }
    waits.sort_unstable();
    println!("{how}: new users had their answer in {:.1?}, the last in {:.1?}", waits[USERS], waits[2 * USERS - 1]);
    // Each is let go in its turn, and comes again.
    within(TIME, "everybody's turn", attackers.line_with("all were let go")).await;
    let grown = programs.switchboard.peak_memory().saturating_sub(memory);
    println!("{how}: {} bytes for each of {count}", grown / count as u64);
    assert!(grown <= most * count as u64, "{how}: {} MiB", grown / 1024 / 1024);

    attackers.kill().await;
    until(TIME, "as few open files as before", async || programs.switchboard.open_files() <= files + SPARE).await;
    until(TIME, "no requests", async || programs.figure("switchboard_requests_in_flight").await == 0.0).await;
    assert_eq!(visit("attacked").await, 200);
}

#[tokio::test]
async fn who_says_nothing_holds_nobody_up() {
    hold_up("silent", ATTACKERS, MEMORY).await;
}

#[tokio::test]
async fn who_never_ends_a_head_holds_nobody_up() {
    hold_up("head", ATTACKERS, MEMORY).await;
}

#[tokio::test]
async fn who_sends_a_head_byte_by_byte_holds_nobody_up() {
    hold_up("trickle", ATTACKERS, MEMORY).await;
}

#[tokio::test]
async fn who_never_ends_the_preface_of_http2_holds_nobody_up() {
    hold_up("preface", ATTACKERS, MEMORY).await;
}

#[tokio::test]
async fn who_never_ends_a_body_holds_nobody_up() {
    hold_up("body", ATTACKERS, MEMORY).await;
}

#[tokio::test]
async fn who_never_reads_holds_nobody_up() {
    hold_up("unread", UNREAD, UNREAD_MEMORY).await;
}
