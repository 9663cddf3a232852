//! Telephones that are sent away: they say why, and end or wait as is right.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::endless::{AT_ONCE, SOON, endless, nothing_is_left};
use crate::support::{Origin, Program, Programs, within};
use crate::visit::{Seen, get, read, visit};

/// What the telephone said when it was refused, as a code and as words.
async fn refusal(telephone: &mut Program) -> (String, String) {
    let line = within(SOON, "the refusal", telephone.line_with("\"event\":\"refused\"")).await;
    let event: Value = serde_json::from_str(&line).unwrap();
    let text = |key: &str| event[key].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

async fn id_of(programs: &Programs, subdomain: &str) -> String {
    let (_, list) = programs.client().get("/api/v1/tunnels").await;
    let tunnel = list["items"].as_array().unwrap().iter().find(|tunnel| tunnel["subdomain"] == subdomain).unwrap();
    tunnel["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_revoked_token_ends_its_telephone_which_says_so() {
    let programs = Programs::start().await;
    let (origin, _arrived) = endless().await;
    let (id, token) = programs.token().await;
    let mut telephone = programs.telephone_with(&token, "revoked", origin.address, &[]).await;
    let visitor = programs.visitor("revoked");
    let begun = visitor.send(get(&visitor, "/begun")).await.unwrap();
    assert_eq!(programs.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);

    let seen = within(AT_ONCE, "the end of the request in flight", read(begun)).await;
    assert_eq!(seen, Seen::Truncated { status: 200, body: Bytes::from_static(b"begun") });
    let (code, message) = refusal(&mut telephone).await;
    assert_eq!(code, "token_revoked");
    assert!(message.contains("create another in the dashboard"), "{message}");
    within(SOON, "the telephone's words", telephone.line_with("telephone: the switchboard refused")).await;
    assert_eq!(within(SOON, "the telephone's end", telephone.ended()).await.code(), Some(77));
    nothing_is_left(&programs, 0.0).await;
    // Nobody is expected back, and nobody is kept waiting.
    let seen = within(AT_ONCE, "an answer", visit(&visitor, get(&visitor, "/"))).await;
    assert_eq!(seen.status(), Some(503));
}

#[tokio::test]
async fn a_paused_tunnel_keeps_its_telephone_waiting() {
    let programs = Programs::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = programs.token().await;
    let mut telephone = programs.telephone_with(&token, "paused", origin.address, &[]).await;
    let visitor = programs.visitor("paused");
    let path = format!("/api/v1/tunnels/{}", id_of(&programs, "paused").await);

    assert_eq!(programs.client().post(&format!("{path}/pause"), &json!(null)).await.0, 200);
    assert_eq!(refusal(&mut telephone).await.0, "tunnel_paused");
    let seen = within(AT_ONCE, "an answer", visit(&visitor, get(&visitor, "/"))).await;
    assert_eq!(seen.status(), Some(503));
    // It dials again, and is told again.
    assert_eq!(refusal(&mut telephone).await.0, "tunnel_paused");

    assert_eq!(programs.client().post(&format!("{path}/resume"), &json!(null)).await.0, 200);
    within(SOON, "the telephone is back", telephone.line_with("\"event\":\"connected\"")).await;
    assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200));
}

#[tokio::test]
async fn a_deleted_tunnel_ends_its_telephone_which_says_so() {
    let programs = Programs::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = programs.token().await;
    let mut telephone = programs.telephone_with(&token, "deleted", origin.address, &[]).await;
    let visitor = programs.visitor("deleted");
    let path = format!("/api/v1/tunnels/{}", id_of(&programs, "deleted").await);

    let (status, answer) = programs.client().delete(&path).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    let (code, message) = refusal(&mut telephone).await;
    assert_eq!(code, "tunnel_deleted");
    assert!(message.contains("restore it in the dashboard"), "{message}");
    assert_eq!(within(SOON, "the telephone's end", telephone.ended()).await.code(), Some(69));
    nothing_is_left(&programs, 0.0).await;
    assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(404));
}
