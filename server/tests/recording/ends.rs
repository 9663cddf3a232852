//! However an exchange ends, it is recorded once, with what became of it.

use http::{Method, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::recorded::{Recorded, id, says};
use super::support::{Body, Client, Origin, Switchboard, streamed, text};

const HOST: &str = "shop.example.com";

#[tokio::test]
async fn who_leaves_is_seen_to_leave() {
    let switchboard = Switchboard::start().await;
    let asked = std::sync::Arc::new(Notify::new());
    let told = asked.clone();
    let origin = Origin::start(move |_| {
        told.notify_one();
        std::future::pending::<Response<Body>>()
    })
    .await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "slow").await;
    let mut stream = TcpStream::connect(switchboard.address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: slow.localhost\r\n\r\n").await.unwrap();
    asked.notified().await;
    drop(stream);
    let exchange = recorded.only().await;
    assert_eq!((&exchange["end"], &exchange["status"]), (&json!("client_left"), &Value::Null));
    assert_eq!(exchange["path"], "/never");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_seen_to() {
    let switchboard = Switchboard::start().await;
    let backend = says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let recorded = Recorded::of_domain(&switchboard, HOST, &[("one", &backend.to_string())]).await;
    let visitor = Client::new(switchboard.address, HOST);
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    let exchange = recorded.only().await;
    assert_eq!((&exchange["end"], &exchange["status"]), (&json!("broken_off"), &json!(200)));
    assert_eq!(exchange["bytes_out"], 4);
}

#[tokio::test]
async fn answers_without_a_body_are_complete() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(async |request| {
        let status = if request.uri().path() == "/204" { 204 } else { 200 };
        Response::builder().status(status).body(Body::default()).unwrap()
    })
    .await;
    let _telephone = switchboard.telephone("none", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "none").await;
    let visitor = switchboard.visitor("none");
    for (method, path) in [(Method::HEAD, "/"), (Method::GET, "/204"), (Method::GET, "/")] {
        let response = visitor.send(visitor.request(method, path).body(Body::default()).unwrap()).await.unwrap();
        let id = id(&response);
        text(response).await;
        assert_eq!(recorded.exchange(&id).await["end"], "complete", "{path}");
    }
}

#[tokio::test]
async fn errors_of_ours_carry_their_code() {
    let switchboard = Switchboard::start().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = Origin::on(gone, async |_| Response::new(Body::default()));
    let telephone = switchboard.telephone("down", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "down").await;
    let visitor = switchboard.visitor("down");
    drop(origin);
    let get = async || {
        let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
        recorded.exchange(&id(&response)).await
    };
    let exchange = get().await;
    assert_eq!((&exchange["status"], &exchange["error"]), (&json!(502), &json!("local_unreachable")), "{exchange}");
    telephone.shutdown().await;
    let exchange = get().await;
    assert_eq!((&exchange["status"], &exchange["error"]), (&json!(503), &json!("tunnel_offline")), "{exchange}");
    assert_eq!(exchange["answered_by"], Value::Null);
}

#[tokio::test]
async fn who_answered_at_which_attempt_is_known() {
    let switchboard = Switchboard::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let origin = Origin::mirror().await;
    let backends = [("closed", closed.to_string()), ("open", origin.address.to_string())];
    let backends = backends.each_ref().map(|(name, address)| (*name, address.as_str()));
    let recorded = Recorded::of_domain(&switchboard, HOST, &backends).await;
    let visitor = Client::new(switchboard.address, HOST);
    let mut attempts = Vec::new();
    for _ in 0..2 {
        let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let by = recorded.exchange(&id(&response)).await["answered_by"].clone();
        assert_eq!(by["backend_name"], "open");
        attempts.push(by["attempts"].as_u64().unwrap());
    }
    assert!(attempts.contains(&2) && attempts.iter().all(|attempts| (1..=2).contains(attempts)), "{attempts:?}");
}

#[tokio::test]
async fn an_upload_that_outlasts_its_answer_is_recorded_whole() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::echo().await;
    let _telephone = switchboard.telephone("early", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "early").await;
    let visitor = switchboard.visitor("early");
    let (pieces, body) = streamed();
    let response = visitor.send(visitor.request(Method::POST, "/").body(body).unwrap()).await.unwrap();
    let id = id(&response);
    for _ in 0..3 {
        pieces.send(Ok(http_body::Frame::data(bytes::Bytes::from_static(b"piece")))).await.unwrap();
    }
    drop(pieces);
    assert_eq!(text(response).await, "piecepiecepiece");
    let exchange = recorded.exchange(&id).await;
    assert_eq!((&exchange["bytes_in"], &exchange["bytes_out"]), (&json!(15), &json!(15)));
    assert_eq!(exchange["end"], "complete");
}
