//! A recorded request is sent again with a form.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Response, header};
use http_body_util::BodyExt;

use crate::browser::Browser;
use crate::support::{Origin, Switchboard, full, until};

#[tokio::test]
async fn a_request_is_changed_and_sent_again() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_CAPTURE_LEVEL", "bodies")]).await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let sent = seen.clone();
    let origin = Origin::start(move |request| {
        let sent = sent.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let header = parts.headers.get("x-a").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            let text = format!("{} {} {header} {}", parts.method, parts.uri, String::from_utf8_lossy(&body));
            sent.lock().unwrap().push(text);
            Response::new(full("seen"))
        }
    })
    .await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let request = switchboard.visitor("shop").request(Method::POST, "/cart?a=1");
    let request = request.header("x-a", "<b>").header(header::AUTHORIZATION, "Bearer secret");
    let response = switchboard.visitor("shop").send(request.body(full("one\r\ntwo <i>")).unwrap()).await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    drop(response);

    let tunnel = switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
    let page = format!("/web/tunnels/{tunnel}/inspector?selected={id}");
    let mut browser = Browser::signed_in(&switchboard).await;
    let mut shown = String::new();
    until(Duration::from_secs(20), "the form is there", async || {
        shown = browser.open(&page).await.body;
        shown.contains("action=\"/web/action/replay_request\"")
    })
    .await;
    assert!(shown.contains("value=\"/cart?a=1\"") && shown.contains("x-a: &lt;b&gt;"), "{shown}");
    assert!(shown.contains("authorization: [masked]") && shown.contains("two &lt;i&gt;</textarea>"), "{shown}");
    assert!(shown.contains(&format!("value=\"tunnel:{tunnel}\"")), "{shown}");

    let (of, headers) = (format!("tunnel:{tunnel}"), "host: shop.localhost\r\nx-a: <b>\r\nauthorization: [masked]\r\n");
    let form = |path: &str, times: &str, body: &str| -> Vec<(String, String)> {
        [
            ("of", of.as_str()),
            ("id", &id),
            ("back", &page),
            ("replay_method", "POST"),
            ("replay_path", path),
            ("replay_headers", headers),
            ("replay_body", body),
            ("replay_body_is", "shown"),
            ("replay_to", ""),
            ("replay_times", times),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    let mut submit = async |fields: Vec<(String, String)>| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.submit("/web/action/replay_request", &fields).await.goes_to().to_owned()
    };
    seen.lock().unwrap().clear();
    // As it was: the ends of lines too.
    let to = submit(form("/cart?a=1", "2", "one\r\ntwo <i>")).await;
    assert_eq!(to, format!("{page}&done=replayed_without"));
    let to = submit(form("/other", "1", "three\r\n")).await;
    assert!(to.starts_with(&format!("/web/tunnels/{tunnel}/inspector?selected=")) && !to.contains(&id), "{to}");
    let all = std::mem::take(&mut *seen.lock().unwrap());
    let as_it_was = "POST /cart?a=1 <b> one\r\ntwo <i>";
    assert_eq!(all, [as_it_was, as_it_was, "POST /other <b> three\r\n"]);
    let wrong = submit(form("no path", "1", "three")).await;
    assert!(wrong.starts_with(&format!("{page}&form=replay")), "{wrong}");

    let marked = browser.open(&to).await.body;
    assert!(marked.contains("Replay of") && marked.contains(&id) && marked.contains("values were masked"), "{marked}");
    let again = browser.open(&wrong).await.body;
    assert!(again.contains("A path begins with a slash") && again.contains("value=\"no path\""), "{again}");
    assert!(again.contains("<details id=\"replay\" open"), "{again}");
    assert!(seen.lock().unwrap().is_empty());
}
