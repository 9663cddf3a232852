//! What keeps the inspector's list up to date in the browser: what arrives, older pages, and what is in sight.

use super::{
    browser,
    desk::Inspected,
    live_feed::{Feed, Link},
};
use crate::request_log::in_sight;
use domain::{ExchangeFilter, ExchangePage, ExchangeSummary};
use gloo_timers::future::TimeoutFuture;
use leptos::{ev, html, prelude::*};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Rows that are left below before older ones are loaded.
const AHEAD: usize = 30;
/// Pages that are asked for in a row to catch up; together as many rows as a list holds.
const MOST_PAGES: usize = 50;
/// Milliseconds between two searches in heads and bodies.
const PAUSE: u32 = 1_500;
/// Milliseconds between two looks at the clock.
const TICK: u32 = 5_000;

/// The list in the page.
#[derive(Clone, Copy)]
pub struct Follower {
    /// What the inspector's islands share.
    pub inspected: Inspected,
    /// What arrives.
    pub feed: Feed,
    /// The rows that are drawn.
    pub range: RwSignal<(usize, usize)>,
    /// Now, as rows tell it.
    pub clock: RwSignal<i64>,
    /// What scrolls.
    pub scroller: NodeRef<html::Div>,
    /// The room of the rows above those that are drawn.
    pub above: NodeRef<html::Div>,
    /// That of those below.
    pub below: NodeRef<html::Div>,
}

/// Where rows come from.
pub struct Source {
    /// The address of the data.
    pub data: String,
    /// What the list is narrowed to.
    pub filter: ExchangeFilter,
    /// Where older ones begin.
    pub cursor: Option<String>,
    /// Whether the list begins with the newest one.
    pub is_newest: bool,
}

impl Follower {
    /// Keeps the list up to date for as long as the page lives.
    pub fn start(self, source: Source) {
        let query = source.filter.to_query();
        let gap = if query.is_empty() { "" } else { "&" };
        let data = format!("{}{gap}{query}", source.data);
        let row = Rc::new(Cell::new(52.0));
        self.follow_scrolling(&row, &data, source.cursor);
        self.keep_in_sight(&row);
        if source.is_newest {
            self.take_arrivals(&row, data, source.filter);
        }
        let clock = self.clock;
        leptos::task::spawn_local(async move {
            loop {
                TimeoutFuture::new(TICK).await;
                clock.set(browser::now());
            }
        });
    }

    /// Draws what is in sight, and loads older ones before they are.
    fn follow_scrolling(self, row: &Rc<Cell<f64>>, data: &str, cursor: Option<String>) {
        let (height_of_row, row, data) = (Rc::clone(row), Rc::clone(row), data.to_owned());
        let cursor = Rc::new(RefCell::new(cursor));
        let is_loading = Rc::new(Cell::new(false));
        let draw = Rc::new(move || {
            let Some(scroller) = self.scroller.get_untracked() else { return };
            let all = self.inspected.log.with_untracked(|log| log.rows().len());
            let range = in_sight(f64::from(scroller.scroll_top()), f64::from(scroller.client_height()), row.get(), all);
            if self.range.get_untracked() != range {
                self.range.set(range);
            }
            self.make_room(range, all, row.get());
            if range.1 + AHEAD >= all
                && !is_loading.get()
                && let Some(from) = cursor.borrow().clone()
            {
                is_loading.set(true);
                let (is_loading, cursor) = (Rc::clone(&is_loading), Rc::clone(&cursor));
                let address = format!("{data}&cursor={from}");
                let log = self.inspected.log;
                leptos::task::spawn_local(async move {
                    if let Some(page) = load(&address).await {
                        *cursor.borrow_mut() = page.next_cursor;
                        is_loading.set(false);
                        log.update(|log| log.older(page.items));
                    } else {
                        // Not in a hurry: the server may be away.
                        TimeoutFuture::new(PAUSE).await;
                        is_loading.set(false);
                    }
                });
            }
        });
        let log = self.inspected.log;
        let (on_change, on_resize) = (Rc::clone(&draw), Rc::clone(&draw));
        let _ = window_event_listener(ev::resize, move |_| on_resize());
        self.scroller.on_load(move |element| {
            let on_scroll = Rc::clone(&draw);
            let closure = wasm_bindgen::closure::Closure::<dyn Fn()>::new(move || on_scroll()).into_js_value();
            // Fails only for a callback that is no function.
            let _ = element.add_event_listener_with_callback("scroll", closure.unchecked_ref());
        });
        Effect::new(move |_| {
            log.track();
            if let Some(height) = self.height_of_a_row() {
                height_of_row.set(height);
            }
            on_change();
        });
    }

    /// As the style sheet and the size of letters make it; all rows are alike.
    fn height_of_a_row(self) -> Option<f64> {
        let first = self.scroller.get()?.query_selector(".request").ok()??;
        Some(first.get_bounding_client_rect().height()).filter(|height| *height >= 1.0)
    }

    fn make_room(self, (from, until): (usize, usize), all: usize, row: f64) {
        for (place, rows) in [(self.above, from), (self.below, all.saturating_sub(until))] {
            if let Some(element) = place.get_untracked() {
                // A length is never refused.
                let _ = HtmlElement::style(&element).set_property("block-size", &format!("{}px", rows as f64 * row));
            }
        }
    }

    /// Scrolls to the row that was chosen by keys.
    fn keep_in_sight(self, row: &Rc<Cell<f64>>) {
        let row = Rc::clone(row);
        let Inspected { log, selected, .. } = self.inspected;
        Effect::new(move |_| {
            let Some(id) = selected.get() else { return };
            let (Some(place), Some(scroller)) =
                (log.with_untracked(|log| log.place(id)), self.scroller.get_untracked())
            else {
                return;
            };
            let (top, height) = (place as f64 * row.get(), f64::from(scroller.client_height()));
            let scrolled = f64::from(scroller.scroll_top());
            if top < scrolled {
                scroller.set_scroll_top(top as i32);
            } else if top + row.get() > scrolled + height {
                scroller.set_scroll_top((top + row.get() - height) as i32);
            }
        });
    }

    /// Takes in what arrives. What is looked for in heads and bodies only the server finds.
    fn take_arrivals(self, row: &Rc<Cell<f64>>, data: String, filter: ExchangeFilter) {
        let row = Rc::clone(row);
        let is_asking = Rc::new(Cell::new(false));
        // What was recorded between the page and its socket is asked for, too.
        let (was_lost, missed_before) = (Cell::new(true), Cell::new(0));
        Effect::new(move |_| {
            let link = self.feed.link.get();
            let mut batch = Vec::new();
            if self.feed.arrived.with(|arrived| !arrived.is_empty()) {
                self.feed.arrived.update_untracked(|arrived| batch = std::mem::take(arrived));
            }
            was_lost.set(was_lost.get() || link == Link::Lost);
            let is_back = link == Link::Live && was_lost.replace(link == Link::Lost);
            let missed = self.feed.missed.get();
            let is_back = missed_before.replace(missed) != missed || is_back;
            if filter.needs_contents() || is_back {
                if (!batch.is_empty() || is_back) && !is_asking.replace(true) {
                    let (is_asking, row, data) = (Rc::clone(&is_asking), Rc::clone(&row), data.clone());
                    leptos::task::spawn_local(async move {
                        TimeoutFuture::new(if is_back { 0 } else { PAUSE }).await;
                        is_asking.set(false);
                        self.catch_up(&data, row.get()).await;
                    });
                }
                return;
            }
            batch.retain(|row| filter.admits(row));
            if !batch.is_empty() {
                self.insert(batch, row.get());
            }
        });
    }

    /// Asks for what the list has missed: page by page, until one has rows that it has.
    async fn catch_up(self, data: &str, row: f64) {
        let mut address = data.to_owned();
        for _ in 0..MOST_PAGES {
            let Some(page) = load(&address).await else { return };
            let log = self.inspected.log;
            let meets = log.with_untracked(|log| page.items.iter().any(|row| log.place(row.id).is_some()));
            self.insert(page.items, row);
            match page.next_cursor {
                Some(cursor) if !meets => address = format!("{data}&cursor={cursor}"),
                _ => return,
            }
        }
    }

    /// Puts rows into the list; what is looked at stays where it is.
    fn insert(self, batch: Vec<ExchangeSummary>, row: f64) {
        let mut added = 0;
        self.inspected.log.update(|log| added = log.arrive(batch));
        let Some(scroller) = self.scroller.get_untracked() else { return };
        let scrolled = scroller.scroll_top();
        if added > 0 && scrolled > 0 {
            scroller.set_scroll_top(scrolled + (added as f64 * row) as i32);
        }
    }
}

async fn load(address: &str) -> Option<ExchangePage> {
    serde_json::from_str(&browser::load(address.to_owned()).await?).ok()
}
