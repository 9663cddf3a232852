//! The request inspector of a tunnel, a domain or a route: the list, and beside it the exchange that is looked at. It is
//! whole without scripts; with them the list is live, and choosing another exchange loads only that.

mod asked;
mod body;
mod compare;
mod detail;
mod filter;
mod heads;
mod json;
mod messages;
mod place;
mod replay;
mod settings;
mod states;
mod timing;

use super::visit::{Visit, signed_in};
use crate::{
    components::layout::layout,
    destination::Destination,
    islands::{Desk, LiveFeed, RequestList},
};
use asked::Asked;
use leptos::prelude::*;
pub use place::{Place, page_of};
pub use replay::{FORM as REPLAY_FORM, target as replay_target};
use server_core::{CoreError, Page};

/// Exchanges in the page; its program asks for more.
const ROWS: u32 = 60;

/// The requests of a tunnel.
#[component]
pub fn TunnelInspector() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::tunnel(&visit).await?).await)
}

/// The requests of a domain.
#[component]
pub fn DomainInspector() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::domain(&visit).await?).await)
}

/// The requests of a route.
#[component]
pub fn RouteInspector() -> impl IntoView {
    signed_in(async |visit| page(&visit, Place::route(&visit).await?).await)
}

async fn page(visit: &Visit, place: Place) -> Result<AnyView, CoreError> {
    let asked = Asked::of(&place, &visit.query);
    if asked.part {
        return exchange(visit, &place, &asked, None).await;
    }
    let inspector = visit.services.inspector();
    let page = Page { limit: ROWS, cursor: asked.cursor.clone() };
    let found = inspector.list(&visit.viewer, place.of, &asked.filter, &page).await?;
    // Asked for first: when it is changed in between, the form is refused, and nothing overwritten.
    let updated_at = inspector.settings_updated_at(&visit.viewer, place.of).await?;
    let settings = inspector.settings(&visit.viewer, place.of).await?;
    let form = crate::components::form::FormState::of(&visit.query, Some("capture"));
    let is_empty = found.items.is_empty() && asked.filter.is_empty() && asked.cursor.is_none();
    let base = asked.choosing();
    let title = format!("Requests of {}", place.name);
    let data = format!("/web/data/requests?of={}", place.key());
    let empty = is_empty.then(|| states::nothing_yet(&place, &settings));
    let exchange = exchange(visit, &place, &asked, empty).await?;
    let more = found.next_cursor.clone().map(|cursor| asked.from(&cursor));
    let (top, keys) = (head(&place), states::keys());
    let recorder = states::recorder(&inspector.health(), visit.viewer.is_admin());
    let capture = settings::card(&place, &settings, (asked.keep, &form), updated_at);
    let count = (found.items.len(), found.next_cursor.is_some());
    let tools = filter::form(&asked, &place, count);
    let (looked_until, older) = (states::looked_until(found.looked_until), older(more));
    let newest = asked.cursor.as_ref().map(|_| newest(&asked.list()));
    let chosen = asked.selected.is_some().then_some("");
    let (filter, selected, is_newest) = (asked.filter, asked.selected, asked.cursor.is_none());
    let content = view! {
        <LiveFeed path=format!("/ws{}", place.path()) history=None>
            <Desk>
                {top}
                {recorder}
                {capture}
                {tools}
                <div class="inspector" data-chosen=chosen>
                    <div class="inspector-list">
                        <RequestList
                            initial=found.items
                            cursor=found.next_cursor
                            base=base.as_str().to_owned()
                            data
                            filter
                            is_newest
                            selected
                        />
                        {looked_until}
                        {older}
                        {newest}
                    </div>
                    {exchange}
                </div>
                {keys}
            </Desk>
        </LiveFeed>
    };
    Ok(layout(visit, place.section(), &title, content))
}

fn head(place: &Place) -> AnyView {
    let href = format!("/web{}", place.path());
    view! {
        <p class="crumbs">
            <a href=href>{place.name.clone()}</a>
        </p>
        <h1>"Requests"</h1>
    }
    .into_any()
}

/// The way to older ones, for those without scripts.
fn older(to: Option<Destination>) -> Option<AnyView> {
    let href = to?.as_str().to_owned();
    Some(
        view! { <p class="without-scripts"><a class="button button-small" href=href>"Show older ones"</a></p> }
            .into_any(),
    )
}

/// The way back to the newest ones.
fn newest(list: &Destination) -> AnyView {
    let href = list.as_str().to_owned();
    view! { <p><a class="button button-small" href=href>"Show the newest"</a></p> }.into_any()
}

/// The right side: the exchange that is asked for, two of them compared, or what to do.
async fn exchange(visit: &Visit, place: &Place, asked: &Asked, empty: Option<AnyView>) -> Result<AnyView, CoreError> {
    let content = match (asked.selected, asked.compare) {
        (None, None) => states::nothing_chosen_of(empty),
        (Some(id), Some(other)) if id != other => compare::view(visit, place, asked, other, id).await?,
        (_, Some(first)) => compare::choose(visit, place, asked, first).await?,
        (Some(id), None) => detail::view(visit, place, asked, id).await?,
    };
    Ok(view! {
        <section id="exchange" class="exchange" aria-label="The request that is looked at" tabindex="-1">
            {content}
        </section>
    }
    .into_any())
}
