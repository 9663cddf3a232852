//! Every address of the dashboard's host is in a list of who may do what, and every call of the API in its document.

use std::collections::{BTreeMap, BTreeSet};

use server::App;
use server::config::{Config, Flags};

use crate::support::Switchboard;

/// The lists, whose rows `matrix.rs` and `matrix_web.rs` test. The first one has the API, too, whose calls `matrix.rs` compares.
const OF_SOCKETS_AND_DATA: &str = include_str!("matrix.txt");
const OF_PAGES: &str = include_str!("matrix_web.txt");

const API: &str = "/api/v1";
/// A page below it, which shows the document.
const SHOWN: &str = "/api/v1/docs";

/// What there is, as the routers have it. With a provider of sign-ins, so that its addresses are there; nobody asks it anything.
async fn addresses() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings = [
        ("SWITCHBOARD_LISTEN", "127.0.0.1:0"),
        ("SWITCHBOARD_METRICS_LISTEN", "off"),
        ("SWITCHBOARD_OIDC_ISSUER", "http://127.0.0.1:9"),
        ("SWITCHBOARD_OIDC_CLIENT_ID", "switchboard"),
        ("SWITCHBOARD_OIDC_CLIENT_SECRET", "secret"),
        ("SWITCHBOARD_DATA_DIR", data.to_str().unwrap()),
    ];
    let environment: BTreeMap<_, _> = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let config = Config::load_from(&Flags::default(), &environment, folder.path().to_owned()).unwrap();
    App::build(config).await.unwrap().paths()
}

#[tokio::test]
async fn every_address_has_a_row_in_a_matrix_of_who_may_do_what() {
    let sockets_and_data = OF_SOCKETS_AND_DATA.lines().filter(|line| line.contains(" /w"));
    let pages = OF_PAGES.lines().filter(|line| !line.starts_with('#'));
    let path = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    let listed: BTreeSet<_> = sockets_and_data.chain(pages).filter_map(path).collect();
    let there: BTreeSet<_> =
        addresses().await.into_iter().filter(|path| !path.starts_with(API) || path == SHOWN).collect();
    assert!(there.contains("/web/login"), "nothing can be read from {there:?}");
    let (without, gone): (Vec<_>, Vec<_>) = (there.difference(&listed).collect(), listed.difference(&there).collect());
    assert!(without.is_empty() && gone.is_empty(), "without a row: {without:?}; rows for nothing: {gone:?}");
}

#[tokio::test]
async fn the_document_has_every_call_and_no_other() {
    let switchboard = Switchboard::start().await;
    let (_, document) = switchboard.client().get("/api/v1/openapi.json").await;
    let described: BTreeSet<_> =
        document["paths"].as_object().unwrap().keys().map(|path| format!("{API}{path}")).collect();
    let there: BTreeSet<_> =
        addresses().await.into_iter().filter(|path| path.starts_with(API) && path != SHOWN).collect();
    assert!(there.contains("/api/v1/tunnels/{id}"), "nothing can be read from {there:?}");
    assert_eq!(described, there);
}
