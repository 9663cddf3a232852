//! The island around the inspector. Choosing a request, a view of a body or two to compare loads only the right side of
//! the page: the server renders it, as it does for those without scripts. Keys do what links and buttons do.

use crate::request_log::RequestLog;
use domain::RequestId;
use leptos::prelude::*;

/// What islands of the inspector share. Copies are the same.
#[derive(Clone, Copy)]
pub struct Inspected {
    /// The list.
    pub log: RwSignal<RequestLog>,
    /// The one that is looked at.
    pub selected: RwSignal<Option<RequestId>>,
    /// The address of the list, to which `selected` is added.
    pub base: RwSignal<String>,
    /// What is told for a moment.
    pub said: RwSignal<&'static str>,
}

impl Inspected {
    fn new() -> Self {
        Self {
            log: RwSignal::new(RequestLog::default()),
            selected: RwSignal::new(None),
            base: RwSignal::new(String::new()),
            said: RwSignal::new(""),
        }
    }

    /// That of the desk around this island; one of its own where there is none.
    pub fn around() -> Self {
        use_context().unwrap_or_else(Self::new)
    }

    /// The address at which a request is looked at.
    pub fn address(&self, id: RequestId) -> String {
        self.base.with(|base| {
            let gap = if base.contains('?') { '&' } else { '?' };
            format!("{base}{gap}selected={id}")
        })
    }
}

/// Makes the inspector inside it alive.
#[island]
pub fn Desk(children: Children) -> impl IntoView {
    let inspected = Inspected::new();
    provide_context(inspected);
    #[cfg(feature = "hydrate")]
    super::desk_events::listen(inspected);
    let class = move || if inspected.said.get().is_empty() { "toast toast-silent" } else { "toast" };
    view! {
        {children()}
        <p class=class role="status" aria-live="polite">
            {move || inspected.said.get()}
        </p>
    }
}
