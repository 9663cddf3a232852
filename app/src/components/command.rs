//! A line to paste into a terminal.

use crate::islands::CopyButton;
use leptos::prelude::*;

/// A command with a button that copies it.
pub fn command(line: String) -> AnyView {
    copyable(line, "command")
}

/// A text with a button that copies it; `what` it is, in the button's name.
pub fn copyable(text: String, what: &'static str) -> AnyView {
    view! {
        <div class="command">
            <code tabindex="0">{text.clone()}</code>
            <CopyButton text what=what.to_owned() />
        </div>
    }
    .into_any()
}
