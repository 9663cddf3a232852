//! What is left behind by many requests at once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use support::get;
use support::hub::{Hub, Session};
use support::local::Local;
use telephone::{Agent, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// How many requests are under way at once.
const MANY: usize = 300;
/// How many tasks a line keeps for those to come.
const KEPT: usize = 256;

/// Answers a request for each permit that `turns` has.
async fn answering(turns: Arc<Semaphore>) -> Local {
    Local::raw(move |mut stream| {
        let turns = turns.clone();
        async move {
            let mut head = [0; 4096];
            while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                turns.acquire().await.unwrap().forget();
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            }
        }
    })
    .await
}

async fn until(happened: impl Fn() -> bool) {
    while !happened() {
        yield_now().await;
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Has so many requests wait for each other, if they are to, and sees all of them answered.
async fn ask(session: &Session, count: usize, local: &Local, turns: &Semaphore) {
    let head = get("/");
    let answers: Vec<_> = (0..count).map(|_| session.line.open(&head, true).unwrap().1).collect();
    until(|| local.connections() >= count).await;
    turns.add_permits(count);
    for answer in answers {
        assert_eq!(answer.await.unwrap().0.status, 204);
    }
}

#[tokio::test]
async fn few_tasks_wait_for_more_requests_and_none_for_long() {
    let before = tasks();
    let turns = Arc::new(Semaphore::new(0));
    let local = answering(turns.clone()).await;
    let mut hub = Hub::start().await;
    let agent = Agent::builder(&hub.url, "sbt_test").target(Target::parse(&local.target()).unwrap()).start().unwrap();
    let session = hub.accept().await;

    // With one request there is at most one task for requests, and one at the server for its connection.
    ask(&session, 1, &local, &turns).await;
    session.line.idle().await;
    let one = tasks();

    for _ in 0..2 {
        ask(&session, MANY, &local, &turns).await;
        until(|| tasks() <= one + KEPT + (MANY - 1)).await;
        // All but a few, should one have ended its rest just then.
        assert!(local.connections() < MANY + MANY / 10, "connections are used again");
    }
    until(|| tasks() < one + MANY).await;
    ask(&session, 1, &local, &turns).await;

    agent.shutdown().await;
    session.driver.await.unwrap();
    drop((session.line, local));
    until(|| tasks() == before).await;
}
