//! Every address of the dashboard's host is in a list of who may do what.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{api::listing, config::Flags, ingress::ENDPOINT};

/// The lists, whose rows `tests/api/matrix.rs` and `tests/api/matrix_web.rs` test. The first one has the API, too.
const OF_SOCKETS_AND_DATA: &str = include_str!("../../tests/api/matrix.txt");
const OF_PAGES: &str = include_str!("../../tests/api/matrix_web.txt");

/// Below it the API has its calls, which its own tests compare with the first list.
const API: &str = "/api/v1";

/// With a provider of sign-ins, so that its addresses are there. Nobody asks it anything.
fn config(folder: &std::path::Path) -> anyhow::Result<Config> {
    let settings = [
        ("SWITCHBOARD_LISTEN", "127.0.0.1:0"),
        ("SWITCHBOARD_METRICS_LISTEN", "off"),
        ("SWITCHBOARD_OIDC_ISSUER", "http://127.0.0.1:9"),
        ("SWITCHBOARD_OIDC_CLIENT_ID", "switchboard"),
        ("SWITCHBOARD_OIDC_CLIENT_SECRET", "secret"),
    ];
    let mut environment: BTreeMap<String, String> =
        settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    environment.insert("SWITCHBOARD_DATA_DIR".into(), folder.join("data").display().to_string());
    Ok(Config::load_from(&Flags::default(), &environment, folder.to_owned())?)
}

fn listed() -> BTreeSet<String> {
    let sockets_and_data = OF_SOCKETS_AND_DATA.lines().filter(|line| line.contains(" /w"));
    let pages = OF_PAGES.lines().filter(|line| !line.starts_with('#'));
    let path = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    sockets_and_data.chain(pages).filter_map(path).collect()
}

#[tokio::test]
async fn every_address_has_a_row_in_a_matrix_of_who_may_do_what() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let app = App::build(config(folder.path())?).await?;
    let stop = CancellationToken::new();
    let health = observe::Health::new(app.services.clone(), stop.clone());
    let router = dashboard(&app.services, &health, app.assets.clone(), (&app.public_url, app.provider.clone()), &stop);
    let mut there = listing::paths(&router);
    // Answered before the router is asked; and the list of a router leaves its root out.
    there.extend([ENDPOINT, "/"].map(str::to_owned));
    anyhow::ensure!(there.remove(API), "the API is elsewhere");
    let listed = listed();
    let (without, gone): (Vec<_>, Vec<_>) = (there.difference(&listed).collect(), listed.difference(&there).collect());
    anyhow::ensure!(without.is_empty() && gone.is_empty(), "without a row: {without:?}; rows for nothing: {gone:?}");
    Ok(())
}
