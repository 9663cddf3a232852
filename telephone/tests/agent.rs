//! How an agent keeps its line: opening, coming back, being refused, taking leave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use http::Method;
use support::hub::{Hub, Session, challenge};
use support::local::Local;
use support::{collect, get, request, text};
use telephone::agent::StartError;
use telephone::line::{Line, LineError, OpenError, OpenStreamError, opening};
use telephone::{Agent, AgentError, AgentHandle, Builder, Event, Target};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use wire::control::{AuthChallenge, Control, Drain, ErrorCode, Refusal, Status, UpdateTunnel};

fn builder(url: &str) -> Builder {
    Agent::builder(url, "sbt_test").target(Target::parse("3000").unwrap())
}

fn agent(url: &str) -> AgentHandle {
    builder(url).start().unwrap()
}

async fn disconnected(events: &mut Receiver<Event>) -> String {
    loop {
        if let Event::Disconnected { reason, .. } = events.recv().await.unwrap() {
            return reason;
        }
    }
}

#[tokio::test]
async fn the_opening_says_who_calls_and_what_for() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).subdomain("blog").name("laptop").region("eu").start().unwrap();
    let session = hub.accept().await;
    assert_eq!(session.init.token.expose(), "sbt_test");
    assert_eq!(session.init.local_url, "http://localhost:3000");
    assert_eq!(session.init.subdomain.as_deref(), Some("blog"));
    assert_eq!(session.init.metadata.name.as_deref(), Some("laptop"));
    assert_eq!(session.init.metadata.region.as_deref(), Some("eu"));
    assert_eq!(session.init.resume, None);
    let tunnel = agent.ready().await.unwrap();
    assert_eq!((tunnel.public_url.as_str(), tunnel.status), ("http://blog.test", Status::Active));
    assert_eq!(agent.connections(), 1);
}

#[tokio::test]
async fn a_lost_line_is_replaced_and_the_tunnel_resumed() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let mut events = agent.events();
    let session = hub.accept().await;
    session.driver.abort();
    disconnected(&mut events).await;
    let session = hub.accept().await;
    assert_eq!(session.init.resume.as_deref(), Some("resume-1"));
    assert_eq!(session.init.subdomain, None, "only a wish of the user's is a wish");
    session.line.close(1001, "restarting");
    assert!(disconnected(&mut events).await.contains("restarting"));
    let session = hub.accept().await;
    assert_eq!(session.init.resume.as_deref(), Some("resume-2"));
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let gone = Hub::start().await;
    let address = gone.url.strip_prefix("http://").unwrap().to_owned();
    drop(gone);
    let agent = agent(&format!("http://{address}"));
    let mut events = agent.events();
    assert!(disconnected(&mut events).await.contains("cannot be reached"));
}

#[tokio::test]
async fn what_is_no_switchboard_is_named() {
    let local = Local::saying(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let agent = agent(&format!("http://{}", local.target()));
    let reason = disconnected(&mut agent.events()).await;
    assert!(reason.contains("answered 404") && reason.contains("is it a switchboard"), "{reason}");
}

#[tokio::test]
async fn a_permanent_refusal_ends_the_agent_with_the_servers_words() {
    for code in ["token_invalid", "token_revoked", "subdomain_taken"] {
        let mut hub = Hub::start().await;
        let agent = agent(&hub.url);
        hub.refuse(code, "because\u{1b}[31m").await;
        let expected =
            AgentError::Refused { code: ErrorCode::from(code.to_owned()), message: "because[31m".to_owned() };
        assert_eq!(agent.ready().await, Err(expected.clone()));
        assert_eq!(agent.ended().await, expected);
    }
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let mut events = agent.events();
    hub.refuse("shutting_down", "come back").await;
    hub.refuse("quota_of_tomorrow", "come back").await;
    assert_eq!(disconnected(&mut events).await, "come back (shutting_down)");
    let _session = hub.accept().await;
    agent.ready().await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_revoked_while_connected_ends_the_agent() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let session = hub.accept().await;
    agent.ready().await.unwrap();
    let refusal = Refusal { code: ErrorCode::TokenRevoked, message: "the token was revoked".to_owned() };
    session.line.send_control(Control::Error(refusal)).unwrap();
    session.line.close(wire::close::TOKEN_GONE, "token revoked");
    assert!(matches!(agent.ended().await, AgentError::Refused { code: ErrorCode::TokenRevoked, .. }));
}

#[tokio::test]
async fn a_server_of_another_age_is_named() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let mut ws = hub.socket().await;
    let Control::AuthChallenge(known) = challenge() else { panic!("no challenge") };
    let versions = vec!["3".to_owned()];
    opening::send(&mut ws, &Control::AuthChallenge(AuthChallenge { versions, ..known })).await.unwrap();
    assert_eq!(agent.ended().await, AgentError::Version { offered: "3".to_owned() });
}

#[tokio::test]
async fn garbage_from_the_hub_costs_a_line_and_no_more() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let mut events = agent.events();
    for garbage in ["garbage", r#"{"type":"ready"}"#, r#"{"type":"from_the_future"}"#] {
        let mut socket = hub.socket().await;
        socket.send_text(garbage).await.unwrap();
        disconnected(&mut events).await;
    }
    hub.socket().await.send_binary(&[1, 2, 3]).await.unwrap();
    disconnected(&mut events).await;
    let _session = hub.accept().await;
    agent.ready().await.unwrap();
}

#[tokio::test]
async fn leaving_finishes_what_is_in_flight_and_takes_nothing_new() {
    let local = Local::pages().await;
    let mut hub = Hub::start().await;
    let target = Target::parse(&local.target()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target).start().unwrap();
    let mut session = hub.accept().await;
    let (mut send, answer) = session.line.open(&request(Method::POST, "/echo"), false).unwrap();
    let (_, body) = answer.await.unwrap();
    let leaving = tokio::spawn(agent.shutdown());
    assert!(matches!(session.control.recv().await, Some(Control::Drain(_))));
    let refused = session.line.open(&get("/"), true).unwrap_err();
    assert!(matches!(refused, OpenStreamError::Refused(OpenError::Draining)));
    send.send("still here".into()).await.unwrap();
    send.finish().unwrap();
    assert_eq!(text(body).await, "still here");
    leaving.await.unwrap();
    assert!(matches!(session.driver.await.unwrap(), LineError::PeerClosed { code: 1000, .. }));
}

#[tokio::test]
async fn a_server_that_drains_is_left_for_a_new_line_without_losing_a_request() {
    let local = Local::pages().await;
    let mut hub = Hub::start().await;
    let target = Target::parse(&local.target()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target).start().unwrap();
    let old = hub.accept().await;
    let (mut send, answer) = old.line.open(&request(Method::POST, "/echo"), false).unwrap();
    let (_, body) = answer.await.unwrap();
    old.line.send_control(Control::Drain(Drain { deadline_s: Some(30), ..Drain::default() })).unwrap();
    let new = hub.accept().await;
    let (_, answer) = new.line.open(&get("/empty"), true).unwrap();
    assert_eq!(answer.await.unwrap().0.status, 204);
    send.send("finished on the old line".into()).await.unwrap();
    send.finish().unwrap();
    assert_eq!(collect(body).await.unwrap().0, "finished on the old line");
    assert!(matches!(old.driver.await.unwrap(), LineError::PeerClosed { code: 1000, .. }));
    drop(agent);
}

/// The lines of an agent with three of them, once all are open.
async fn three_lines(hub: &mut Hub, agent: &AgentHandle) -> [Session; 3] {
    let lines = [hub.accept().await, hub.accept().await, hub.accept().await];
    let mut events = agent.events();
    while agent.connections() < 3 {
        events.recv().await.unwrap();
    }
    lines
}

fn joined(session: &Session) -> Option<&str> {
    session.init.join.as_ref().map(|join| join.session_id.as_str())
}

#[tokio::test]
async fn several_connections_are_one_session() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).connections(3).start().unwrap();
    let lines = three_lines(&mut hub, &agent).await;
    assert!(lines.iter().all(|line| line.init.local_url == "http://localhost:3000"));
    assert_eq!([0, 1, 2].map(|line| joined(&lines[line])), [None, Some("session-1"), Some("session-1")]);
    agent.shutdown().await;
    for session in lines {
        assert!(matches!(session.driver.await.unwrap(), LineError::PeerClosed { code: 1000, .. }));
    }
}

#[tokio::test]
async fn one_of_several_connections_that_is_lost_joins_again() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).connections(3).start().unwrap();
    let mut events = agent.events();
    let [first, ..] = three_lines(&mut hub, &agent).await;
    first.driver.abort();
    disconnected(&mut events).await;
    let again = hub.accept().await;
    assert_eq!(joined(&again), Some("session-1"));
    assert_eq!(again.init.resume, None);
}

#[tokio::test]
async fn a_session_that_is_gone_is_opened_anew_by_one_and_joined_by_the_others() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).connections(2).start().unwrap();
    let (first, second) = (hub.accept().await, hub.accept().await);
    first.driver.abort();
    assert_eq!(hub.refuse("session_gone", "open another").await.join.unwrap().session_id, "session-1");
    let new = hub.accept().await;
    assert_eq!((joined(&new), new.init.resume.as_deref()), (None, Some("resume-1")));
    second.driver.abort();
    assert_eq!(joined(&hub.accept().await), Some("session-2"));
    drop(agent);
}

#[tokio::test]
async fn when_all_connections_are_lost_one_of_them_takes_the_sessions_place() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).connections(3).start().unwrap();
    let lines = three_lines(&mut hub, &agent).await;
    for line in lines {
        line.driver.abort();
    }
    // Those that still see another line try to join it; a server that has lost all of them knows of no session.
    let opened = loop {
        let (mut ws, init) = hub.init().await;
        match init.join {
            Some(_) => {
                let refusal = Refusal { code: ErrorCode::SessionGone, message: "open another".to_owned() };
                opening::send(&mut ws, &Control::Error(refusal)).await.unwrap();
            }
            None => break (ws, init),
        }
    };
    assert_eq!(opened.1.resume.as_deref(), Some("resume-1"));
    drop(agent);
}

#[tokio::test]
async fn connections_may_have_threads_of_their_own() {
    let local = Local::pages().await;
    let mut hub = Hub::start().await;
    let target = Target::parse(&local.target()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target).connections(3).own_threads(true).start().unwrap();
    let lines = three_lines(&mut hub, &agent).await;
    for line in &lines {
        let (_, answer) = line.line.open(&get("/empty"), true).unwrap();
        assert_eq!(answer.await.unwrap().0.status, 204);
    }
    agent.shutdown().await;
    for session in lines {
        assert!(matches!(session.driver.await.unwrap(), LineError::PeerClosed { code: 1000, .. }));
    }
}

/// Keeps 64 requests under way on a line for as long as this is kept.
fn crowd(line: &Line) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for _ in 0..64 {
        let line = line.clone();
        crowd.spawn(async move {
            loop {
                if let Ok((_, answer)) = line.open(&get("/empty"), true)
                    && let Err(error) = answer.await
                {
                    panic!("a request of many was lost: {error}");
                }
                tokio::task::yield_now().await;
            }
        });
    }
    crowd
}

#[tokio::test]
async fn a_line_is_added_for_much_work_and_let_go_when_there_is_little() {
    let local = Local::pages().await;
    let mut hub = Hub::start().await;
    let target = Target::parse(&local.target()).unwrap();
    let agent = Agent::builder(&hub.url, "sbt_test").target(target);
    let agent = agent.connections_within(1..=2).quiet(Duration::from_secs(1)).start().unwrap();
    let first = hub.accept().await;
    let many = crowd(&first.line);
    let mut second = hub.accept().await;
    assert_eq!(joined(&second), Some("session-1"));
    let (mut send, answer) = second.line.open(&request(Method::POST, "/echo"), false).unwrap();
    let (_, body) = answer.await.unwrap();
    drop(many);
    let said = second.control.recv().await;
    assert!(matches!(said, Some(Control::Drain(Drain { line: true, .. }))), "{said:?}");
    let refused = second.line.open(&get("/"), true).unwrap_err();
    assert!(matches!(refused, OpenStreamError::Refused(OpenError::Draining)));
    let (_, answer) = first.line.open(&get("/empty"), true).unwrap();
    assert_eq!(answer.await.unwrap().0.status, 204);
    send.send("as long as it takes".into()).await.unwrap();
    send.finish().unwrap();
    assert_eq!(text(body).await, "as long as it takes");
    assert!(matches!(second.driver.await.unwrap(), LineError::PeerClosed { code: 1001, .. }));

    let _many = crowd(&first.line);
    assert_eq!(joined(&hub.accept().await), Some("session-1"), "there is work for another one again");
    drop(agent);
}

#[tokio::test]
async fn changes_of_the_tunnel_are_told() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let mut events = agent.events();
    let session = hub.accept().await;
    let update = UpdateTunnel {
        public_url: Some("http://renamed.test".to_owned()),
        status: Some(Status::Paused),
        ..UpdateTunnel::default()
    };
    session.line.send_control(Control::UpdateTunnel(update)).unwrap();
    let told = loop {
        if let Event::Updated(tunnel) = events.recv().await.unwrap() {
            break tunnel;
        }
    };
    assert_eq!((told.public_url.as_str(), told.status), ("http://renamed.test", Status::Paused));
    assert_eq!(agent.ready().await.unwrap(), told);
}

#[tokio::test]
async fn what_each_line_is_told_is_news_once_and_asked_for_from_then_on() {
    let mut hub = Hub::start().await;
    let agent = builder(&hub.url).subdomain("blog").connections(3).start().unwrap();
    let mut events = agent.events();
    let lines = three_lines(&mut hub, &agent).await;
    let update = |subdomain: &str| {
        Control::UpdateTunnel(UpdateTunnel {
            subdomain: Some(subdomain.to_owned()),
            public_url: Some(format!("http://{subdomain}.test")),
            ..UpdateTunnel::default()
        })
    };
    for name in ["log", "journal"] {
        for session in &lines {
            session.line.send_control(update(name)).unwrap();
        }
        let told = loop {
            if let Event::Updated(tunnel) = events.recv().await.unwrap() {
                break tunnel;
            }
        };
        assert_eq!((told.subdomain.as_str(), told.public_url), (name, format!("http://{name}.test")));
        // The others have come when they are done with what was sent before.
        for session in &lines {
            let (_, answer) = session.line.open(&get("/"), true).unwrap();
            answer.await.unwrap();
        }
    }
    for session in lines {
        session.driver.abort();
    }
    let init = loop {
        let (_, init) = hub.init().await;
        if init.join.is_none() {
            break init;
        }
    };
    assert_eq!(init.subdomain.as_deref(), Some("journal"));
}

#[tokio::test]
async fn dropping_the_handle_cuts_the_line() {
    let mut hub = Hub::start().await;
    let agent = agent(&hub.url);
    let session = hub.accept().await;
    drop(agent);
    assert!(matches!(session.driver.await.unwrap(), LineError::PeerGone | LineError::Io(_)));
}

#[tokio::test]
async fn wrong_settings_are_refused_before_anything_is_dialled() {
    let target = || Target::parse("3000").unwrap();
    let start = |url: &str, token: &str| Agent::builder(url, token).target(target()).start().unwrap_err();
    assert!(matches!(start("localhost:8080", "sbt_x"), StartError::Server(_)));
    assert!(matches!(start("http://localhost:8080", "password"), StartError::Token));
    let no_target = Agent::builder("http://localhost:8080", "sbt_x").start().unwrap_err();
    assert!(matches!(no_target, StartError::NoTarget));
    let host = builder("http://localhost:8080").host_header("a b").start().unwrap_err();
    assert!(matches!(host, StartError::HostHeader(_)));
    let ca = builder("https://localhost:8080").ca_file("/nonexistent.pem").start().unwrap_err();
    assert!(matches!(ca, StartError::Tls(_)));
}
