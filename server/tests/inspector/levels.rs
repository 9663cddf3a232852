//! As much is kept as was asked for.

use serde_json::json;

use super::setup::Setup;

#[tokio::test]
async fn as_much_is_kept_as_each_level_says() {
    let setup = Setup::start().await;
    // As usual: what happened, and nothing of what was said.
    let exchange = setup.send(setup.get("/metadata?a=b")).await;
    assert_eq!((&exchange["method"], &exchange["path"]), (&json!("GET"), &json!("/metadata?a=b")));
    assert_eq!((&exchange["status"], &exchange["end"]), (&json!(200), &json!("complete")));
    assert_eq!(exchange["content_type"], "application/json");
    assert_eq!((&exchange["request"], &exchange["response"]), (&json!(null), &json!(null)));
    assert!(exchange["response_body"]["size"].as_u64().unwrap() > 20);
    assert_eq!(exchange["response_body"]["kept"], 0);
    assert!(exchange["timings"]["first_byte_us"].as_u64() <= exchange["timings"]["done_us"].as_u64());
    assert!(exchange["answered_by"]["session"].is_string(), "{exchange}");

    setup.capture(json!({"level": "headers"})).await;
    let exchange = setup.send(setup.post("/headers", "text/plain", "hello")).await;
    let request = &exchange["request"];
    assert_eq!(request["start_line"], "POST /headers HTTP/1.1");
    let names: Vec<_> = exchange["response"]["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    let answers: Vec<_> = names.iter().filter(|name| name.as_str().unwrap().eq_ignore_ascii_case("x-answer")).collect();
    assert_eq!(answers.len(), 2, "{names:?}");
    assert_eq!((&exchange["request_body"]["size"], &exchange["request_body"]["kept"]), (&json!(5), &json!(0)));

    setup.capture(json!({"level": "bodies", "body_limit": 1024})).await;
    let exchange = setup.send(setup.post("/bodies", "text/plain", vec![b'x'; 5_000])).await;
    let body = &exchange["request_body"];
    assert_eq!((&body["size"], &body["kept"], &body["whole"]), (&json!(5_000), &json!(1_024), &json!(false)));
    assert_eq!(exchange["response_body"]["whole"], true);

    setup.capture(json!({"level": "off"})).await;
    assert_eq!(setup.visitor.text("/off").await.0, 200);
    // What comes after it is recorded, and it is not.
    setup.capture(json!({"level": "metadata"})).await;
    let last = setup.send(setup.get("/last")).await;
    assert_eq!(setup.found("q=/off").await, Vec::<String>::new());
    assert_eq!(setup.found("").await[0], last["id"].as_str().unwrap());
    assert_eq!(setup.found("").await.len(), 4);
}

#[tokio::test]
async fn the_server_may_record_nothing() {
    let setup = Setup::start_with(&[("SWITCHBOARD_CAPTURE_LEVEL", "off")]).await;
    assert_eq!(setup.visitor.text("/usual").await.0, 200);
    setup.capture(json!({"level": "metadata"})).await;
    setup.send(setup.get("/wanted")).await;
    assert_eq!(setup.found("").await.len(), 1);
    let health = setup.switchboard.figure("switchboard_exchanges_recorded_total").await;
    assert!((health - 1.0).abs() < f64::EPSILON, "{health}");
}
