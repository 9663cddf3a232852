//! What we answer by ourselves is recorded as well, where it is somebody's domain or route.

use http::{Method, header};
use serde_json::{Value, json};

use super::recorded::{Recorded, fields, id};
use super::support::{Body, Client, Origin, Switchboard, full, text};

const HOST: &str = "old.example.com";

/// Asks for this and gives back what the client got, and what was recorded of it.
async fn asked(visitor: &Client, recorded: &Recorded<'_>, method: Method, path: &str) -> (u16, String, Value) {
    let request = visitor.request(method, path).header(header::ACCEPT, "text/plain");
    let response = visitor.send(request.body(full("three")).unwrap()).await.unwrap();
    let (status, id) = (response.status().as_u16(), id(&response));
    (status, text(response).await, recorded.exchange(&id).await)
}

fn value(head: &Value, name: &str) -> Option<String> {
    fields(head).into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

#[tokio::test]
async fn redirects_are_recorded() {
    let switchboard = Switchboard::start().await;
    let redirect = json!({"domain": HOST, "redirect": {"to": "https://new.example.com", "status": 301}});
    let recorded = Recorded::of_new_domain(&switchboard, &redirect).await;
    recorded.keep(json!({"level": "headers"})).await;
    let visitor = Client::new(switchboard.address, HOST);
    let (status, _, exchange) = asked(&visitor, &recorded, Method::POST, "/a?b=c").await;
    assert_eq!((status, &exchange["status"], &exchange["end"]), (301, &json!(301), &json!("complete")));
    assert_eq!((&exchange["path"], &exchange["error"]), (&json!("/a?b=c"), &Value::Null));
    assert_eq!(exchange["request"]["start_line"], "POST /a?b=c HTTP/1.1");
    assert_eq!(exchange["response"]["start_line"], "HTTP/1.1 301 Moved Permanently");
    assert_eq!(value(&exchange["response"], "location").unwrap(), "https://new.example.com/a?b=c");
    assert_eq!((&exchange["answered_by"], &exchange["bytes_out"]), (&Value::Null, &json!(0)));
}

#[tokio::test]
async fn who_is_sent_to_https_is_recorded() {
    let switchboard = Switchboard::start().await;
    let secure = json!({"domain": HOST, "http_to_https": true, "redirect": {"to": "https://new.example.com"}});
    let recorded = Recorded::of_new_domain(&switchboard, &secure).await;
    let visitor = Client::new(switchboard.address, HOST);
    let (status, _, exchange) = asked(&visitor, &recorded, Method::GET, "/a").await;
    assert_eq!((status, &exchange["status"], &exchange["path"]), (308, &json!(308), &json!("/a")));
    // As usual no heads are kept.
    assert_eq!((&exchange["request"], &exchange["response"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn our_own_words_are_recorded() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |_| http::Response::new(Body::default())).await;
    let telephone = switchboard.telephone("gone", &origin).await;
    telephone.shutdown().await;
    let recorded = Recorded::of_tunnel(&switchboard, "gone").await;
    recorded.keep(json!({"level": "bodies"})).await;
    let visitor = switchboard.visitor("gone");
    let (status, said, exchange) = asked(&visitor, &recorded, Method::GET, "/").await;
    assert_eq!((status, &exchange["status"], &exchange["error"]), (503, &json!(503), &json!("tunnel_offline")));
    assert_eq!(exchange["response"]["start_line"], "HTTP/1.1 503 Service Unavailable");
    assert_eq!(value(&exchange["response"], "x-switchboard-error").unwrap(), "tunnel_offline");
    assert_eq!(value(&exchange["response"], "retry-after").unwrap(), "5");
    assert_eq!(exchange["bytes_out"], said.len());
    assert_eq!(String::from_utf8(recorded.body(&exchange, "response").await).unwrap(), said);
    // An answer to HEAD has none.
    let (_, said, exchange) = asked(&visitor, &recorded, Method::HEAD, "/").await;
    assert_eq!((said.as_str(), &exchange["bytes_out"]), ("", &json!(0)));
}
