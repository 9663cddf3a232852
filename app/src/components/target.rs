//! The part of a form that asks where something leads. Only the fields of the chosen kind are shown, which the style
//! sheet sees to: it works without scripts.

use crate::components::{
    choice::{offers, select, tick_box},
    field::Field,
    form::FormState,
};
use domain::{RedirectStatus, Target};
use leptos::prelude::*;
use server_core::{CoreError, Page, ServiceQuery, Services, TunnelQuery, Viewer};

/// The names of its fields, for [`FormState::summary`].
pub const FIELDS: [&str; 7] =
    ["target", "service", "enabled_backends_tag", "tunnel", "address", "redirect", "redirect_status"];

/// The entries of a list at most that fields offer; others can be typed.
const OFFERED: u32 = 100;

const REDIRECTS: [(&str, &str); 5] = [
    ("302", "302 Found"),
    ("301", "301 Moved Permanently"),
    ("303", "303 See Other"),
    ("307", "307 Temporary Redirect"),
    ("308", "308 Permanent Redirect"),
];

/// What the form can offer: names of services, their tags, subdomains of tunnels.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    services: Vec<String>,
    tags: Vec<String>,
    tunnels: Vec<String>,
}

impl Offers {
    /// What this viewer has.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn of(services: &Services, viewer: &Viewer) -> Result<Self, CoreError> {
        let page = || Page { limit: OFFERED, cursor: None };
        let listed = services.pools().services(viewer, ServiceQuery::default(), page()).await?.items;
        let tunnels = services.tunnels().list(viewer, TunnelQuery::default(), page()).await?.items;
        let mut tags: Vec<_> =
            listed.iter().flat_map(|service| service.tags.iter().map(|count| count.tag.to_string())).collect();
        tags.sort();
        tags.dedup();
        Ok(Self {
            services: listed.iter().map(|service| service.name.to_string()).collect(),
            tags,
            tunnels: tunnels.iter().map(|tunnel| tunnel.subdomain.to_string()).collect(),
        })
    }

    /// The lists, once a page.
    pub fn view(&self) -> AnyView {
        view! {
            {offers("offer-services", self.services.clone())}
            {offers("offer-tags", self.tags.clone())}
            {offers("offer-tunnels", self.tunnels.clone())}
        }
        .into_any()
    }
}

/// The fields, holding the present target if there is one. `none` is what leading nowhere is called, where that may be.
pub fn fields(form: &'static str, state: &FormState, target: Option<&Target>, none: Option<&'static str>) -> AnyView {
    let is_new = target.is_none();
    let target = target.unwrap_or(&Target::None);
    let (service, tag) = match target {
        Target::Service { name, tag, .. } => (name.to_string(), tag.as_ref().map(ToString::to_string)),
        _ => (String::new(), None),
    };
    let tunnel = if let Target::Tunnel { subdomain, .. } = target { subdomain.to_string() } else { String::new() };
    let (to, status, keep) = match target {
        Target::Redirect(redirect) => (redirect.to.to_string(), redirect.status, redirect.keep_path),
        _ => (String::new(), RedirectStatus::default(), true),
    };
    let mut kinds = vec![
        ("service", "A service"),
        ("tunnel", "A tunnel"),
        ("address", "A server, by its address"),
        ("redirect", "A redirect elsewhere"),
    ];
    kinds.extend(none.map(|words| ("none", words)));
    let chosen = match target {
        Target::Tunnel { .. } => "tunnel",
        Target::Redirect(_) => "redirect",
        Target::None if none.is_some() && !is_new => "none",
        Target::None | Target::Service { .. } => "service",
    };
    view! {
        <fieldset class="fields target">
            <legend>"Leads to"</legend>
            {select((form, state), "target", "Kind", &kinds, chosen)}
            <div class="target-service fields">
                {Field::text(form, "service", "Service")
                    .needed()
                    .offering("offer-services")
                    .value(service)
                    .placeholder("shop")
                    .at_most(63)
                    .state(state)
                    .view()}
                {Field::text(form, "enabled_backends_tag", "Enabled tag")
                    .offering("offer-tags")
                    .value(tag.unwrap_or_default())
                    .placeholder("v1")
                    .at_most(64)
                    .hint("Only backends with this tag serve. Empty: all of them.")
                    .state(state)
                    .view()}
            </div>
            <div class="target-tunnel fields">
                {Field::text(form, "tunnel", "Tunnel")
                    .needed()
                    .offering("offer-tunnels")
                    .value(tunnel)
                    .placeholder("my-app")
                    .at_most(63)
                    .hint("Its subdomain.")
                    .state(state)
                    .view()}
            </div>
            <div class="target-address fields">
                {Field::text(form, "address", "Address of the server")
                    .needed()
                    .placeholder("http://10.0.0.5:3000")
                    .at_most(512)
                    .hint("A service is made with this one backend, which you can add others to.")
                    .state(state)
                    .view()}
            </div>
            <div class="target-redirect fields">
                {Field::text(form, "redirect", "Address")
                    .needed()
                    .value(to)
                    .placeholder("https://www.example.com")
                    .at_most(2_048)
                    .hint("Clients are sent there: an address, or a path on the same host.")
                    .state(state)
                    .view()}
                {select((form, state), "redirect_status", "Status", &REDIRECTS, &status.as_u16().to_string())}
                {tick_box((form, state), "keep_path", "Append the path and query that were asked for", None, keep)}
            </div>
        </fieldset>
    }
    .into_any()
}
