//! A telephone that is killed, as a process.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::endless::{AT_ONCE, SOON, endless, nothing_is_left};
use crate::support::{Origin, Programs, full, until, within};
use crate::visit::{Seen, get, post, read, visit};

#[tokio::test]
async fn a_killed_telephone_fails_its_200_requests_at_once_and_nothing_else() {
    let programs = Programs::start().await;
    let (origin, mut arrived) = endless().await;
    let (_, token) = programs.token().await;
    let mut telephone = programs.telephone_with(&token, "killed", origin.address, &[]).await;
    let visitor = programs.visitor("killed");
    let open_files = programs.switchboard.open_files();

    let mut requests = JoinSet::new();
    for n in 0..100 {
        let begun = visitor.send(get(&visitor, "/begun")).await.unwrap();
        requests.spawn(read(begun));
        // One that may be sent again, and one that may not.
        let request = if n % 2 == 0 { get(&visitor, "/") } else { post(&visitor, "/", full("body")) };
        let visitor = visitor.clone();
        requests.spawn(async move { visit(&visitor, request).await });
    }
    for _ in 0..200 {
        within(SOON, "a request at the local server", arrived.recv()).await.unwrap();
    }
    assert_eq!(programs.figure("switchboard_streams").await, 200.0);
    // Counted once a second.
    until(SOON, "200 in flight", async || programs.figure("switchboard_requests_in_flight").await == 200.0).await;

    telephone.kill().await;
    let (mut refused, mut truncated) = (0, 0);
    let begun = Instant::now();
    within(AT_ONCE, "the end of 200 requests", async {
        while let Some(seen) = requests.join_next().await {
            match seen.unwrap() {
                Seen::Whole { status: 502, body, .. } if body == "Bad Gateway" => refused += 1,
                Seen::Truncated { status: 200, body } if body == "begun" => truncated += 1,
                seen => panic!("{seen:?}"),
            }
        }
    })
    .await;
    println!("200 requests ended within {:.2?}", begun.elapsed());
    assert_eq!((refused, truncated), (100, 100));
    nothing_is_left(&programs, 0.0).await;
    until(SOON, "open files as before", async || programs.switchboard.open_files() <= open_files).await;

    let mirror = Origin::mirror().await;
    let _telephone = programs.telephone_with(&token, "killed", mirror.address, &[]).await;
    assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200));
}
