//! As much is kept as the owner wants.

use http::Method;
use serde_json::{Value, json};

use super::recorded::{Recorded, id};
use super::support::{Origin, Switchboard, full, whole};

#[tokio::test]
async fn each_level_keeps_more() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::echo().await;
    let _telephone = switchboard.telephone("echo", &origin).await;
    let recorded = Recorded::of_tunnel(&switchboard, "echo").await;
    let visitor = switchboard.visitor("echo");
    let send = async |text: &'static str| {
        let request = visitor.request(Method::POST, "/path").header("x-mine", "1").body(full(text)).unwrap();
        let response = visitor.send(request).await.unwrap();
        let id = id(&response);
        assert_eq!(whole(response).await, text);
        id
    };

    // Usual: what happened, and nothing of what was said.
    let exchange = recorded.exchange(&send("hello").await).await;
    assert_eq!(
        (&exchange["status"], &exchange["bytes_in"], &exchange["bytes_out"]),
        (&json!(200), &json!(5), &json!(5))
    );
    assert_eq!((&exchange["request"], &exchange["response"]), (&Value::Null, &Value::Null));
    assert_eq!(recorded.body(&exchange, "request").await, b"");

    recorded.keep(json!({"level": "headers"})).await;
    let exchange = recorded.exchange(&send("hello").await).await;
    assert!(exchange["request"].to_string().contains("x-mine"), "{exchange}");
    assert_eq!(recorded.body(&exchange, "response").await, b"");

    recorded.keep(json!({"level": "bodies", "body_limit": 1024})).await;
    let exchange = recorded.exchange(&send("hello").await).await;
    assert_eq!(recorded.body(&exchange, "request").await, b"hello");
    assert_eq!(recorded.body(&exchange, "response").await, b"hello");
    assert_eq!(exchange["response_body"]["whole"], true);

    // Longer ones are cut, and their size is said.
    let long: &str = "0123456789abcdef".repeat(4096).leak();
    let exchange = recorded.exchange(&send(long).await).await;
    assert_eq!(recorded.body(&exchange, "response").await, &long.as_bytes()[..1024]);
    let body = &exchange["response_body"];
    assert_eq!((&body["size"], &body["kept"], &body["whole"]), (&json!(65536), &json!(1024), &json!(false)));

    // Nothing is kept of what nobody wants to be kept.
    recorded.keep(json!({"level": "off"})).await;
    let off = send("secret").await;
    recorded.keep(json!({"level": "metadata"})).await;
    recorded.exchange(&send("hello").await).await;
    let (status, _) = switchboard
        .client()
        .get(&format!("/api/v1/tunnels/{}/requests/{off}", switchboard.tunnel("echo").await["id"].as_str().unwrap()))
        .await;
    assert_eq!(status, 404);
}
