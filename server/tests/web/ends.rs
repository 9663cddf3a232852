//! What ends sessions ends them on every node at once, with their live sockets: two nodes on one PostgreSQL.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::browser::Browser;
use crate::live::{Socket, closed, open};
use crate::support::{Client, Switchboard};

const PASSWORD: &str = "a different long one";

/// Somebody who is signed in with a browser and a program, and looks on with both.
struct SignedIn {
    email: String,
    browser: Browser,
    program: Client,
    refresh: Value,
    sockets: [Socket; 2],
}

fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// Signs a program in; what it sends and its refresh token.
async fn program(node: &Switchboard, email: &str) -> (Client, Value) {
    let client = node.client().bearer("");
    let (status, tokens) = client.post("/api/v1/auth/login", &account(email)).await;
    assert_eq!(status, 200, "{tokens}");
    (client.bearer(tokens["access_token"].as_str().unwrap()), json!({"refresh_token": tokens["refresh_token"]}))
}

// === impl SignedIn ===

impl SignedIn {
    async fn to(node: &Switchboard, email: &str) -> Self {
        let mut browser = Browser::new(node);
        let fields = [("email", email), ("password", PASSWORD)];
        assert_eq!(browser.submit("/web/action/sign_in", &fields).await.goes_to(), "/web");
        let (program, refresh) = program(node, email).await;
        let by_token = Browser { client: program.clone(), ..Browser::new(node) };
        let sockets = [
            open(node, &browser, &node.url()).await.unwrap(),
            // A program names no origin.
            open(node, &Browser { origin: String::new(), ..by_token }, "").await.unwrap(),
        ];
        Self { email: email.to_owned(), browser, program, refresh, sockets }
    }

    async fn expect_out(mut self, how: &str) {
        for socket in &mut self.sockets {
            assert_eq!(closed(socket).await, Some(CloseCode::Policy), "{how}");
        }
        assert!((300..400).contains(&self.browser.open("/web").await.status), "{how}");
        assert_eq!(self.program.get("/api/v1/me").await.0, 401, "{how}");
        assert_eq!(self.program.post("/api/v1/auth/refresh", &self.refresh).await.0, 401, "{how}");
    }
}

#[tokio::test]
async fn what_ends_sessions_on_one_node_ends_them_on_the_other() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("sessions_end").unwrap();
    // So that nothing but the news can tell.
    let settings = [
        ("SWITCHBOARD_DATABASE_URL", url.as_str()),
        ("SWITCHBOARD_UPDATE_INTERVAL", "1h"),
        ("SWITCHBOARD_SIGNUP", "open"),
    ];
    let one = Switchboard::start_with(&settings).await;
    let other = one.start_beside(&settings).await;
    let admin = one.client();
    assert_eq!(admin.post("/api/v1/auth/register", &account("bystander@example.com")).await.0, 201);
    let mut bystander = SignedIn::to(&other, "bystander@example.com").await;
    for how in ["signed out", "new password", "another role", "deactivated"] {
        let email = format!("{}@example.com", how.replace(' ', "-"));
        let (status, made) = admin.post("/api/v1/auth/register", &account(&email)).await;
        assert_eq!(status, 201, "{made}");
        let place = format!("/api/v1/users/{}", made["id"].as_str().unwrap());
        let somebody = SignedIn::to(&other, &email).await;
        let status = match how {
            "signed out" => {
                let mut here = Browser { cookie: somebody.browser.cookie.clone(), ..Browser::new(&one) };
                assert!(here.submit("/web/action/sign_out", &[]).await.goes_to().contains("done=signed_out"));
                admin.post("/api/v1/auth/logout", &somebody.refresh).await.0
            }
            "new password" => {
                let change = json!({"current_password": PASSWORD, "password": "yet another long one"});
                program(&one, &somebody.email).await.0.post("/api/v1/me/password", &change).await.0
            }
            "another role" => admin.patch(&place, &json!({"role": "admin"})).await.0,
            _ => admin.post(&format!("{place}/deactivate"), &Value::Null).await.0,
        };
        assert!((200..300).contains(&status), "{how}: {status}");
        somebody.expect_out(how).await;
    }
    assert_eq!(bystander.browser.open("/web").await.status, 200);
    assert_eq!(bystander.program.get("/api/v1/me").await.0, 200);
}
