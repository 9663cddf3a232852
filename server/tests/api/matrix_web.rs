//! Who may do what on the dashboard: each page and each form, as a browser without scripts asks for it in the name of nobody,
//! of a member about what another member has, of that member, and of an administrator, beside the answers in
//! `matrix_web.txt`. Who is not to change anything has changed nothing. That each address has a row, `listed.rs` tests.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::answer::call;
use crate::browser::{Answer, Browser};
use crate::matrix::World;
use crate::setup::{create, delete};
use crate::support::{Client, Switchboard, until};

const TABLE: &str = include_str!("matrix_web.txt");
pub(crate) const PASSWORD: &str = "a different long one";
/// Nobody, another member, the owner, an administrator.
const CALLERS: usize = 4;

/// How long a domain may be looked at already.
const LOOKED_AT: Duration = Duration::from_secs(60);

/// How many switchboards are asked at one time, and how many rows one of them is at most.
const AT_ONCE: usize = 4;
const TOGETHER: usize = 10;

/// What the owner has, and what everybody's administrators see.
pub(crate) const OF_OWNER: [&str; 11] = [
    "me",
    "tunnels",
    "tokens",
    "services",
    "backends",
    "domains",
    "routes",
    "alerts",
    "me/tokens",
    "me/sessions",
    "me/programs",
];
pub(crate) const OF_ALL: [&str; 5] = ["users", "invitations", "regions", "security", "limits"];

/// What becomes different by itself: with use, with time, and with what looks after backends and domains.
const UNSTEADY: [&str; 8] = [
    "current",
    "health",
    "last_active_at",
    "last_seen_at",
    "last_used_at",
    "request_count",
    "request_id",
    "verification",
];

struct Row {
    method: Method,
    path: String,
    answers: Vec<String>,
    about: String,
    form: String,
}

/// Where rows are asked: a switchboard with the callers' browsers. What is asked once may end the sessions that it is asked
/// with.
struct Stage {
    world: World,
    browsers: Vec<Browser>,
    owner: String,
    service: String,
}

/// What a row is asked about: what stands for `{id}` and its like.
pub(crate) type Names = Vec<(&'static str, String)>;

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut word = || words.next().unwrap_or_else(|| "-".to_owned());
        let (method, path) = (word().parse().unwrap(), word());
        let answers = (0..CALLERS).map(|_| word()).collect();
        Row { method, path, answers, about: word(), form: word() }
    };
    lines.map(row).collect()
}

// === impl Row ===

impl Row {
    fn told(&self, answers: &[String]) -> String {
        let Self { method, path, about, form, .. } = self;
        let more = if *method == Method::POST { format!("  {about}  {form}") } else { String::new() };
        format!("{:<6} {path:<38} {}{more}", method.as_str(), answers.join(" "))
    }

    /// What each caller is answered.
    async fn answers(&self, stage: &Stage) -> Vec<String> {
        let mut answers = Vec::new();
        for (who, browser) in stage.browsers.iter().enumerate() {
            let names = self.names(stage).await;
            let before = stage.seen(&names).await;
            let mut outcome = self.outcome(browser, &names).await;
            let after = stage.seen(&names).await;
            // Nobody changes what another has, and who is refused, or reads, changes nothing.
            let is_refused = self.method == Method::GET || !["done", "page"].contains(&outcome.as_str());
            let same = (before.0 == after.0 || who >= 2 && !is_refused) && (before.1 == after.1 || !is_refused);
            if !same {
                outcome.push_str("+changed");
            }
            answers.push(outcome);
        }
        answers
    }

    async fn outcome(&self, browser: &Browser, names: &Names) -> String {
        let mut outcome = outcome(&self.ask(&mut browser.clone(), names).await);
        // Of its own accord the server may be looking at a new domain just now.
        until(LOOKED_AT, "a domain can be looked at", async || {
            if outcome == "throttled" {
                outcome = self::outcome(&self.ask(&mut browser.clone(), names).await);
            }
            outcome != "throttled"
        })
        .await;
        outcome
    }

    async fn ask(&self, browser: &mut Browser, names: &Names) -> Answer {
        let fill = |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        if self.method == Method::GET {
            return browser.open(&fill(&self.path)).await;
        }
        let form = if self.form == "-" { String::new() } else { fill(&self.form) };
        let fields: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.submit(&self.path, &fields).await
    }

    async fn names(&self, stage: &Stage) -> Names {
        let Stage { world, owner, service, .. } = stage;
        let mut names = vec![("{word}", world.word()), ("{owner}", owner.clone())];
        names.push(("{*path}", "nothing".to_owned()));
        names.push(("{service}", service.clone()));
        let about = match self.about.as_str() {
            "-" if self.path.contains("{backend}") => "backends",
            "-" if self.path.contains("{id}") => self.path.split('/').nth(2).unwrap(),
            about => about,
        };
        let (state, about) = about.split_once('-').filter(|(state, _)| !state.is_empty()).unwrap_or(("", about));
        let id = match (state, about) {
            (_, "" | "-") => String::new(),
            // Whatever has an inspector and a front: a tunnel, a domain or a route.
            ("recorded", about) => {
                let (id, request) = world.recorded(about).await;
                names.push(("{request}", request));
                id
            }
            ("linked", about) => {
                let id = world.make(about).await;
                let link = json!({"name": "made", "expires_in": 600});
                create(world.owner(), &format!("{about}/{id}/front/links"), link).await;
                id
            }
            (_, "session") => world.session().await,
            (_, "program") => world.program().await,
            (_, about) => world.make(about).await,
        };
        if self.path.contains("{backend}") {
            // In the path the service comes first.
            let service = names.iter().find(|(name, _)| *name == "{service}").unwrap().1.clone();
            names.extend([("{id}", service), ("{backend}", id)]);
            return names;
        }
        put(world, state, about, &id).await;
        names.push(("{id}", id));
        names
    }
}

/// Makes something deleted or deactivated.
async fn put(world: &World, state: &str, about: &str, id: &str) {
    let status = match state {
        "deleted" => delete(world.owner_of(about), &format!("{about}/{id}")).await.status,
        "deactivated" => {
            call(world.admin(), "POST", &format!("/api/v1/users/{id}/deactivate"), Value::Null).await.status
        }
        _ => return,
    };
    assert!((200..300).contains(&status), "{about} {state}: {status}");
}

/// The id of the only object there, or of the first one.
pub(crate) async fn id(client: &Client, path: &str) -> String {
    let (status, found) = client.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{path}: {found}");
    let id = if found["items"].is_array() { &found["items"][0]["id"] } else { &found["id"] };
    id.as_str().unwrap().to_owned()
}

/// The browser of a caller, signed in with a form.
pub(crate) async fn browser(world: &World, who: usize) -> Browser {
    let account = [
        None,
        Some(("carol@example.com", PASSWORD)),
        Some(("bob@example.com", PASSWORD)),
        Some((Switchboard::EMAIL, Switchboard::PASSWORD)),
    ][who];
    let mut browser = Browser::new(&world.switchboard);
    if let Some((email, password)) = account {
        let signed_in = browser.submit("/web/action/sign_in", &[("email", email), ("password", password)]).await;
        assert_eq!(signed_in.goes_to(), "/web");
    }
    browser
}

// === impl Stage ===

impl Stage {
    async fn start() -> Self {
        let world = World::start().await;
        let (owner, service) = (id(world.owner(), "me").await, id(world.owner(), "services?search=default").await);
        let mut browsers = Vec::new();
        for who in 0..CALLERS {
            browsers.push(browser(&world, who).await);
        }
        Self { world, browsers, owner, service }
    }

    /// What the owner sees, and what an administrator does.
    async fn seen(&self, names: &Names) -> (Vec<Value>, Vec<Value>) {
        (seen(self.world.owner(), &OF_OWNER, names).await, seen(self.world.admin(), &OF_ALL, names).await)
    }
}

/// What this client sees there, without what changes by itself.
pub(crate) async fn seen(client: &Client, places: &[&str], names: &Names) -> Vec<Value> {
    let mut places: Vec<_> = places.iter().map(|place| (*place).to_owned()).collect();
    let name = |wanted: &str| names.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    if let Some(id) = name("{id}").filter(|id| !id.is_empty()) {
        for kind in ["tunnels", "domains", "routes"] {
            places.extend(["front", "capture"].map(|what| format!("{kind}/{id}/{what}")));
            places.extend(name("{request}").map(|request| format!("{kind}/{id}/requests/{request}")));
        }
    }
    let mut seen = Vec::new();
    for place in places {
        let (status, mut found) = client.get(&format!("/api/v1/{place}")).await;
        steady(&mut found);
        seen.push(json!([place, status, found]));
    }
    seen
}

fn steady(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !UNSTEADY.contains(&name.as_str()));
            fields.values_mut().for_each(steady);
        }
        Value::Array(items) => items.iter_mut().for_each(steady),
        _ => {}
    }
}

/// What an answer comes to, in a word.
fn outcome(answer: &Answer) -> String {
    if !(300..400).contains(&answer.status) {
        return answer.status.to_string();
    }
    let location = Url::parse("http://localhost").unwrap().join(answer.headers["location"].to_str().unwrap()).unwrap();
    let said = |name: &str| location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let to_sign_in = location.path() == "/web/login" && said("next").is_some();
    match (said("error"), said("done")) {
        (Some(error), _) if error != "not_signed_in" => error,
        (Some(_), _) => "login".to_owned(),
        _ if to_sign_in => "login".to_owned(),
        (None, Some(_)) => "done".to_owned(),
        (None, None) => "page".to_owned(),
    }
}

fn assert_same(found: &[(&Row, Vec<String>)]) {
    let differing = found.iter().filter(|(row, answers)| row.answers != *answers);
    let differing: Vec<_> = differing.map(|(row, answers)| row.told(answers)).collect();
    assert!(differing.is_empty(), "these are not as matrix_web.txt says:\n{}", differing.join("\n"));
}

#[tokio::test]
async fn every_page_has_a_row_that_holds() {
    let (rows, stage) = (rows(), Stage::start().await);
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| row.method == Method::GET && row.answers.iter().any(|answer| answer != "-")) {
        found.push((row, row.answers(&stage).await));
    }
    assert_same(&found);
    let listed: BTreeSet<_> = rows.iter().map(|row| row.path.clone()).collect();
    let there: BTreeSet<_> =
        leptos_axum::generate_route_list(app::App).iter().map(|page| page.path().to_owned()).collect();
    let without: Vec<_> = there.difference(&listed).collect();
    assert!(there.len() > 30 && without.is_empty(), "pages without a row: {without:?}");
}

/// What is about a thing that was made for it disturbs no other row. Each of the others has a switchboard of its own, and so
/// have alerts, which become different with time.
#[tokio::test]
async fn every_form_has_a_row_that_holds() {
    let rows = rows();
    let forms: Vec<_> = rows.iter().filter(|row| row.method == Method::POST).collect();
    let alone = |row: &&Row| ["-", "session", "program", "alerts"].contains(&row.about.as_str());
    let (alone, together): (Vec<_>, Vec<_>) = forms.iter().copied().partition(alone);
    let groups = stream::iter(together.chunks(TOGETHER).chain(alone.chunks(1)));
    let found = groups.map(async |group| {
        let stage = Stage::start().await;
        let mut found = Vec::new();
        for row in group {
            found.push((*row, row.answers(&stage).await));
        }
        found
    });
    assert_same(&found.buffered(AT_ONCE).concat().await);
    let listed: BTreeSet<_> = forms.iter().map(|row| row.path.as_str()).collect();
    let there: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert_eq!(listed, there, "each form has a row");
}
