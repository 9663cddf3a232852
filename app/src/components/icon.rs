//! Pictures in the text colour. They stand beside a word, so they are hidden from screen readers.

use leptos::prelude::*;

/// The mark: a row of jacks, one of them plugged in.
pub fn mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <rect x="1.5" y="1.5" width="29" height="29" rx="7" class="mark-board"></rect>
            <circle cx="10" cy="11" r="3.5" class="mark-jack"></circle>
            <circle cx="22" cy="11" r="3.5" class="mark-plug"></circle>
            <path d="M22 11v5a6 6 0 0 1-6 6h-1a5 5 0 0 0-5 5" class="mark-cord"></path>
        </svg>
    }
    .into_any()
}

/// Three lines: the menu.
pub fn menu() -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d="M2 4h12M2 8h12M2 12h12"></path>
        </svg>
    }
    .into_any()
}

/// A tick: done.
pub fn tick() -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d="M3 8.5l3.2 3.2L13 5"></path>
        </svg>
    }
    .into_any()
}
