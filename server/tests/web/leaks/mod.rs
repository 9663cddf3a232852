//! Every kind of secret is made and used through the real programs, which log all they can, and is then looked for wherever
//! it might have got to.

mod people;
mod secrets;
mod things;

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::{Method, Response, header};
use serde_json::Value;

use crate::browser::Browser;
use crate::support::{Client, Origin, Programs, Provider, full, text, until};
use secrets::Secrets;
use things::{ADDRESS, SOON};

const JWT_SECRET: &str = "leaktest-signs-access-tokens-0123456789";
const SEALING_KEY: &str = "leaktest-seals-what-is-stored-0123456789";
const SMTP_PASSWORD: &str = "leaktest-of-the-mail-server";

/// Programs, what is secret there, and what they have shown.
struct Stage {
    programs: Programs,
    browser: Browser,
    secrets: Secrets,
    shown: Vec<(String, Vec<u8>)>,
}

impl Stage {
    async fn new(provider: &Provider) -> Self {
        let mut settings = provider.settings();
        let more = [
            ("SWITCHBOARD_OIDC_SIGN_UP", "anyone"),
            ("SWITCHBOARD_LOG_LEVEL", "trace"),
            ("SWITCHBOARD_CAPTURE_LEVEL", "bodies"),
            ("SWITCHBOARD_JWT_SECRET", JWT_SECRET),
            ("SWITCHBOARD_SEALING_KEY", SEALING_KEY),
            ("SWITCHBOARD_SMTP_URL", "smtp://leaks@127.0.0.1:9?tls=none"),
            ("SWITCHBOARD_SMTP_FROM", "Switchboard <switchboard@example.com>"),
            ("SWITCHBOARD_SMTP_PASSWORD", SMTP_PASSWORD),
        ];
        settings.extend(more.map(|(key, value)| (key, value.to_owned())));
        let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let programs = Programs::start_with(&settings).await;
        let mut secrets = Secrets::default();
        secrets.add("the key of access tokens", JWT_SECRET);
        secrets.add("the key that seals", SEALING_KEY);
        secrets.add("the mail server's password", SMTP_PASSWORD);
        Self { browser: browser(&programs), programs, secrets, shown: Vec::new() }
    }

    fn new_browser(&self) -> Browser {
        browser(&self.programs)
    }

    /// Something that can be seen, to be looked through when all secrets are known.
    fn show(&mut self, place: &str, bytes: impl Into<Vec<u8>>) {
        self.shown.push((place.to_owned(), bytes.into()));
    }

    /// A call of the API by its administrator, which succeeds. Who makes a secret is shown it.
    async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.programs.client().post(&format!("/api/v1{path}"), body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// A call that fails, whose answer is shown to anybody.
    async fn refused(&mut self, path: &str, authorization: &str, body: String) {
        let client = self.programs.client().bearer("");
        let path = format!("/api/v1{path}");
        let request = client.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json");
        let request = match authorization {
            "" => request,
            said => request.header(header::AUTHORIZATION, said),
        };
        let response = client.send(request.body(full(body)).unwrap()).await.unwrap();
        assert!(response.status().is_client_error(), "{path}: {}", response.status());
        let answer = format!("{:?}\n{}", response.headers().clone(), text(response).await);
        self.show(&format!("what {path} refuses with"), answer);
    }

    async fn tunnel(&self, subdomain: &str) -> String {
        let tunnels = self.programs.client().get("/api/v1/tunnels").await.1;
        let found = tunnels["items"].as_array().unwrap().iter().find(|tunnel| tunnel["subdomain"] == subdomain);
        said(found.unwrap(), "id")
    }

    /// What the API tells its administrator once secrets were made.
    async fn api(&mut self) {
        let client = self.programs.client();
        let lists = [
            "/audit",
            "/tokens",
            "/me/tokens",
            "/me/sessions",
            "/users",
            "/invitations",
            "/tunnels",
            "/services",
            "/backends",
            "/domains",
            "/routes",
            "/revisions",
            "/alerts",
            "/alerts/events",
            "/security/keys",
            "/metrics",
        ];
        let mut paths = lists.map(|path| format!("/api/v1{path}")).to_vec();
        for place in [format!("tunnels/{}", self.tunnel("shop").await), "domains/app.example.com".to_owned()] {
            let of = format!("/api/v1/{place}");
            let recorded = format!("{of}/requests");
            until(SOON, "visits are recorded", async || {
                client.get(&recorded).await.1["items"].as_array().is_some_and(|items| items.len() >= 3)
            })
            .await;
            for item in client.get(&recorded).await.1["items"].as_array().unwrap() {
                let one = format!("{recorded}/{}", said(item, "id"));
                paths.extend([one.clone(), format!("{one}/har"), format!("{one}/body/response")]);
            }
            paths.extend([format!("{of}/front"), format!("{recorded}/har"), recorded, of]);
        }
        for path in paths {
            let told = client.text(&path).await.1;
            self.show(&path, told);
        }
        let url = serde_json::json!({"url": "http://app.example.com/api/x"});
        let explained = self.post("/routes/explain", &url).await.to_string();
        assert!(explained.contains("app.example.com"), "{explained}");
        self.show("what explain tells", explained);
    }

    async fn pages(&mut self) {
        let tunnel = self.tunnel("shop").await;
        let paths = [
            "/web",
            "/web/settings",
            "/web/tokens",
            "/web/users",
            "/web/audit",
            "/web/alerts",
            "/web/domains",
            "/web/routes",
            "/web/revisions",
            "/web/tunnels",
        ];
        for path in paths.map(str::to_owned).into_iter().chain([format!("/web/tunnels/{tunnel}")]) {
            let page = self.browser.open(&path).await;
            self.show(&path, page.body);
        }
        let metrics = Client::new(self.programs.metrics, "localhost").text("/metrics").await.1;
        assert!(metrics.contains("switchboard_"), "{metrics}");
        self.show("metrics", metrics);
    }

    async fn commands(&mut self) {
        for arguments in [&["export"][..], &["keys", "list"], &["explain", "http://app.example.com/api"]] {
            let ended = self.programs.command(arguments).output().await.unwrap();
            assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
            self.show(&format!("what {arguments:?} writes"), [ended.stdout, ended.stderr].concat());
        }
        // Every column of every table, whichever kind of database it is.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.gz");
        let ended = self.programs.command(&["backup", file.to_str().unwrap()]).output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let mut rows = String::new();
        GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut rows).unwrap();
        assert!(rows.contains("bob@example.com") && rows.contains("sealed:"), "the rows are all there");
        self.show("the rows of the database", rows);
    }
}

fn browser(programs: &Programs) -> Browser {
    Browser { client: programs.client().bearer(""), origin: programs.url(), cookie: None, journey: None }
}

fn said(json: &Value, key: &str) -> String {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}")).to_owned()
}

/// What is behind the last of these.
fn part(text: &str, behind: &str) -> String {
    text.rsplit_once(behind).unwrap_or_else(|| panic!("no {behind} in {text}")).1.to_owned()
}

#[tokio::test]
async fn no_secret_gets_to_where_others_look() {
    let provider = Provider::start().await;
    let mut stage = Stage::new(&provider).await;
    people::come_and_go(&mut stage, &provider).await;
    // What an application itself puts into a body is recorded with it, so this one says nothing.
    let origin = Origin::start(async |_| Response::new(full("fine"))).await;
    let mut telephones = things::are_served(&mut stage, &origin).await;
    stage.api().await;
    stage.pages().await;
    let folder = stage.programs.folder().to_owned();
    // With what SQLite has not yet brought into its file.
    stage.secrets.look_in_files(&folder);
    for telephone in &mut telephones {
        telephone.terminate();
        telephone.ended().await;
        let told = telephone.everything();
        assert!(told.contains("connected"), "the log is all there: {told}");
        stage.show("the log of a telephone", told);
    }
    stage.programs.switchboard.terminate();
    assert!(stage.programs.switchboard.ended().await.success());
    let log = stage.programs.switchboard.everything();
    assert!(log.contains("TRACE") && log.contains("telephone connected"), "the log is all there");
    stage.show("the log", log);
    stage.commands().await;

    let Stage { mut secrets, shown, .. } = stage;
    assert!(secrets.count() > 60, "{} secrets", secrets.count());
    secrets.look_in_files(&folder);
    for (place, bytes) in shown {
        // Whoever may change an alert is shown where its notices go.
        let is_owners = ["/api/v1/alerts", "/web/alerts"].contains(&place.as_str());
        secrets.look(&place, bytes, if is_owners { &[ADDRESS] } else { &[] });
    }
    secrets.were_nowhere();
}
