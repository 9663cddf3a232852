//! What stands around every page of a signed-in user: where one is, and where one can go.

use crate::{
    components::{icon, notice, theme_switch::theme_switch},
    markup::raw_text,
    pages::Visit,
};
use leptos::prelude::*;
use leptos_meta::Title;
use server_core::Viewer;

/// The sections of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What is happening.
    Overview,
    /// The tunnels.
    Tunnels,
    /// The tokens.
    Tokens,
    /// What the user wants to be told of.
    Alerts,
    /// The domains.
    Domains,
    /// The routes.
    Routes,
    /// The services.
    Services,
    /// Everybody's accounts; for administrators.
    Users,
    /// Regions and nodes.
    Cluster,
    /// Who changed what.
    Changes,
    /// What has to do with security.
    Audit,
    /// The user's own settings.
    Settings,
}

/// The side navigation: sections that belong together, under a name where they need one.
const GROUPS: [(Option<&str>, &[Section]); 3] = [
    (None, &[Section::Overview, Section::Tunnels, Section::Tokens, Section::Alerts]),
    (Some("Routing"), &[Section::Domains, Section::Routes, Section::Services]),
    (Some("Server"), &[Section::Users, Section::Cluster, Section::Changes, Section::Audit, Section::Settings]),
];

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Tunnels => "Tunnels",
            Self::Tokens => "Tokens",
            Self::Alerts => "Alerts",
            Self::Domains => "Domains",
            Self::Routes => "Routes",
            Self::Services => "Services",
            Self::Users => "Users",
            Self::Cluster => "Cluster",
            Self::Changes => "Changes",
            Self::Audit => "Security log",
            Self::Settings => "Settings",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/web",
            Self::Tunnels => "/web/tunnels",
            Self::Tokens => "/web/tokens",
            Self::Alerts => "/web/alerts",
            Self::Domains => "/web/domains",
            Self::Routes => "/web/routes",
            Self::Services => "/web/services",
            Self::Users => "/web/users",
            Self::Cluster => "/web/cluster",
            Self::Changes => "/web/revisions",
            Self::Audit => "/web/audit",
            Self::Settings => "/web/settings",
        }
    }

    fn is_shown(self, viewer: &Viewer) -> bool {
        self != Self::Users || viewer.is_admin()
    }

    fn link(self, here: Self) -> AnyView {
        let current = (self == here).then_some("page");
        view! {
            <li>
                <a href=self.path() aria-current=current>
                    {self.name()}
                </a>
            </li>
        }
        .into_any()
    }
}

fn navigation(here: Section, viewer: &Viewer) -> AnyView {
    let groups = GROUPS.map(|(name, sections)| {
        let links =
            sections.iter().filter(|section| section.is_shown(viewer)).map(|section| section.link(here)).collect_view();
        let name = name.map(|name| view! { <p class="side-group">{name}</p> });
        view! {
            {name}
            <ul>{links}</ul>
        }
    });
    view! { <div class="side-links">{groups.into_iter().collect_view()}</div> }.into_any()
}

/// A page within the frame. Its content begins with a heading.
pub fn layout(visit: &Visit, section: Section, title: &str, content: impl IntoView + 'static) -> AnyView {
    let content = content.into_any();
    let email = visit.viewer.user().email.to_string();
    view! {
        <Title text=raw_text(&format!("{title} · Switchboard")) />
        <a class="skip" href="#main">
            "Skip to the content"
        </a>
        <header class="bar">
            <a class="brand" href="/web">
                {icon::mark()}
                "Switchboard"
            </a>
            <button type="button" class="button button-quiet bar-menu" popovertarget="side">
                {icon::menu()}
                "Menu"
            </button>
        </header>
        <nav class="side" id="side" popover aria-label="Main">
            {navigation(section, &visit.viewer)}
            <div class="side-foot">
                {theme_switch(visit.request.theme, visit.here.as_str())}
                <p class="side-user" title=email.clone()>
                    {email.clone()}
                </p>
                <form method="post" action="/web/action/sign_out">
                    <button class="button button-quiet button-small">"Sign out"</button>
                </form>
            </div>
        </nav>
        <main id="main" tabindex="-1">
            {notice::done(&visit.query)}
            {notice::refused(&visit.query)}
            {content}
        </main>
    }
    .into_any()
}

/// The frame of pages for those who are not signed in.
pub fn lone(title: &str, content: impl IntoView + 'static) -> AnyView {
    let content = content.into_any();
    view! {
        <Title text=raw_text(&format!("{title} · Switchboard")) />
        <main id="main" class="lone">
            <p class="brand">{icon::mark()} "Switchboard"</p>
            <div class="card">{content}</div>
        </main>
    }
    .into_any()
}
