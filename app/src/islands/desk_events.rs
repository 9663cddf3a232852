//! What happens at the desk: clicks, keys, back and forward.

use super::{browser, desk::Inspected};
use domain::RequestId;
use gloo_timers::future::TimeoutFuture;
use leptos::{ev, prelude::*};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, FormData, HtmlElement, HtmlFormElement, Url, UrlSearchParams};

/// The right side of the page.
const EXCHANGE: &str = "exchange";
/// Milliseconds before something is loaded: who holds a key down passes many by.
const PAUSE: u32 = 40;
/// Milliseconds for which something is told.
const TOLD: u32 = 2_500;

/// How the address comes into the browser's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// As a new entry.
    Push,
    /// In place of the present one.
    Replace,
    /// It is there already.
    Keep,
}

#[derive(Clone)]
struct Desk {
    inspected: Inspected,
    /// Counts what was asked for: only the answer to the last is shown.
    asked: Rc<Cell<u32>>,
    /// Whether the last address was come to by keys.
    by_keys: Rc<Cell<bool>>,
}

/// Listens for as long as the page lives.
pub fn listen(inspected: Inspected) {
    let desk = Desk { inspected, asked: Rc::default(), by_keys: Rc::default() };
    let on = desk.clone();
    let _ = window_event_listener(ev::click, move |event| on.clicked(&event));
    let on = desk.clone();
    let _ = window_event_listener(ev::submit, move |event| on.submitted(&event));
    let on = desk.clone();
    let _ = window_event_listener(ev::keydown, move |event| on.pressed(&event));
    let on = desk.clone();
    let _ = window_event_listener(ev::popstate, move |_| on.came_back());
    // An exchange that is looked at and has changed, because it was open, is loaded again.
    let seen = Cell::new(None);
    Effect::new(move |_| {
        let now = inspected
            .selected
            .get()
            .and_then(|id| inspected.log.with(|log| log.place(id).map(|place| (id, state(&log.rows()[place])))));
        let before = seen.replace(now);
        if let (Some((old, was)), Some((new, is))) = (before, now)
            && old == new
            && was != is
        {
            desk.refresh();
        }
    });
}

/// What of a row tells that there is more to see.
fn state(row: &domain::ExchangeSummary) -> (domain::ExchangeEnd, Option<u16>, u64, u64) {
    (row.end, row.status, row.bytes_in, row.bytes_out)
}

impl Desk {
    fn clicked(&self, event: &web_sys::MouseEvent) {
        let Some(target) = target(event) else { return };
        if let Ok(Some(button)) = target.closest("[data-copy]") {
            return self.copy(button.get_attribute("data-copy").unwrap_or_default());
        }
        let is_plain =
            event.button() == 0 && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        if !is_plain || event.default_prevented() {
            return;
        }
        if let Ok(Some(_)) = target.closest("[data-close]") {
            event.prevent_default();
            return self.close();
        }
        let Ok(Some(link)) = target.closest("a[data-desk]") else { return };
        if let Some(href) = link.get_attribute("href") {
            event.prevent_default();
            self.by_keys.set(false);
            self.open(href, History::Push);
        }
    }

    /// A form that only looks for something.
    fn submitted(&self, event: &Event) {
        let form = target(event).and_then(|target| target.closest("form[data-desk]").ok().flatten());
        let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
        let fields =
            FormData::new_with_form(&form).and_then(|data| UrlSearchParams::new_with_str_sequence_sequence(&data));
        let Ok(fields) = fields else { return };
        event.prevent_default();
        self.open(format!("?{}", String::from(fields.to_string())), History::Push);
    }

    fn pressed(&self, event: &web_sys::KeyboardEvent) {
        let is_typing = target(event).is_some_and(|target| {
            matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
                || target.has_attribute("contenteditable")
        });
        if event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
            return;
        }
        let key = event.key();
        if is_typing {
            if key == "Escape"
                && let Some(element) = target(event).and_then(|target| target.dyn_into::<HtmlElement>().ok())
            {
                // A browser that does not know the element has nothing to take the focus from.
                let _ = element.blur();
            }
            return;
        }
        match key.as_str() {
            "j" => self.step(true),
            "k" => self.step(false),
            "/" => focus("#filter-q"),
            "c" => match element("#curl-line") {
                Some(line) => self.copy(line.text_content().unwrap_or_default()),
                None => return,
            },
            "r" => match element("#replay") {
                Some(form) => {
                    let _ = form.set_attribute("open", "");
                    form.scroll_into_view();
                    focus("#replay input, #replay select, #replay button");
                }
                None => return,
            },
            "Escape" => return self.close(),
            _ => return,
        }
        event.prevent_default();
    }

    fn came_back(&self) {
        self.open(window().location().href().unwrap_or_default(), History::Keep);
    }

    /// The next one or the one before.
    fn step(&self, down: bool) {
        let Inspected { log, selected, .. } = self.inspected;
        let next = log.with_untracked(|log| log.next_to(selected.get_untracked(), down).map(|row| row.id));
        if let Some(id) = next {
            let history = if self.by_keys.replace(true) { History::Replace } else { History::Push };
            self.open(untrack(|| self.inspected.address(id)), history);
        }
    }

    /// Nothing is looked at any more.
    fn close(&self) {
        if self.inspected.selected.get_untracked().is_some() {
            self.by_keys.set(false);
            let href = window().location().href().unwrap_or_default();
            if let Ok(url) = Url::new_with_base(&self.inspected.base.get_untracked(), &href) {
                url.search_params().delete("compare");
                self.open(url.href(), History::Push);
            }
        }
    }

    fn copy(&self, text: String) {
        let said = self.inspected.said;
        let writing = browser::copy(&text);
        leptos::task::spawn_local(async move {
            said.set(if writing.await { "Copied" } else { "Select the text and copy it by hand" });
            TimeoutFuture::new(TOLD).await;
            said.set("");
        });
    }

    /// Loads the right side of the page anew, unless somebody writes there.
    fn refresh(&self) {
        let is_busy = document().active_element().is_some_and(|element| {
            matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
                && element.closest("#exchange").is_ok_and(|found| found.is_some())
        });
        if !is_busy {
            self.open(window().location().href().unwrap_or_default(), History::Keep);
        }
    }

    /// Shows what is at an address of this page.
    fn open(&self, address: String, history: History) {
        let href = window().location().href().unwrap_or_default();
        let Ok(url) = Url::new_with_base(&address, &href) else { return };
        let selected = url.search_params().get("selected").and_then(|id| id.parse::<RequestId>().ok());
        let is_other = self.inspected.selected.get_untracked() != selected;
        let full = url.href();
        let entry = window().history().and_then(|entries| match history {
            History::Push => entries.push_state_with_url(&JsValue::NULL, "", Some(&full)),
            History::Replace => entries.replace_state_with_url(&JsValue::NULL, "", Some(&full)),
            History::Keep => Ok(()),
        });
        if entry.is_err() {
            // Browsers refuse many changes in a short time; then it is an ordinary link.
            let _ = window().location().set_href(&full);
            return;
        }
        self.inspected.selected.set(selected);
        self.inspected.base.set(list_of(&full));
        let number = self.asked.get().wrapping_add(1);
        self.asked.set(number);
        url.search_params().set("part", EXCHANGE);
        let part = url.href();
        let desk = self.clone();
        leptos::task::spawn_local(async move {
            TimeoutFuture::new(PAUSE).await;
            if desk.asked.get() != number {
                return;
            }
            let loaded = browser::load_page(part).await.and_then(|page| page.get_element_by_id(EXCHANGE));
            if desk.asked.get() != number {
                return;
            }
            match loaded {
                Some(exchange) => show(&exchange, selected.is_some(), is_other),
                None => {
                    let _ = window().location().set_href(&full);
                }
            }
        });
    }
}

/// The address of the list at which an exchange is looked at; what it is compared with stays.
fn list_of(address: &str) -> String {
    let Ok(url) = Url::new(address) else { return String::new() };
    for name in ["selected", "request", "response", "find", "part", "done", "error"] {
        url.search_params().delete(name);
    }
    format!("{}{}", url.pathname(), url.search())
}

fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

fn element(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

fn focus(selector: &str) {
    if let Some(element) = element(selector).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // What cannot have the focus does not get it.
        let _ = element.focus();
    }
}

fn show(exchange: &Element, is_chosen: bool, is_other: bool) {
    let Some(old) = document().get_element_by_id(EXCHANGE) else { return };
    if old.replace_with_with_node_1(exchange).is_err() {
        return;
    }
    // What an act came to was said of the other one.
    if is_other && let Some(notice) = element("main > .notice") {
        notice.remove();
    }
    if let Some(inspector) = element(".inspector") {
        let _ = if is_chosen {
            inspector.set_attribute("data-chosen", "")
        } else {
            inspector.remove_attribute("data-chosen")
        };
    }
    // What was scrolled to in one exchange is not there in another.
    if is_other && exchange.get_bounding_client_rect().top() < 0.0 {
        exchange.scroll_into_view();
    }
}
