//! The choice between light, dark and the system's colours.

use crate::theme::Theme;
use leptos::prelude::*;

/// A row of buttons, each of which sends its choice; `back` is the page to return to.
pub fn theme_switch(chosen: Theme, back: &str) -> AnyView {
    let buttons = Theme::ALL.map(|theme| {
        let pressed = if theme == chosen { "true" } else { "false" };
        let name = match theme {
            Theme::System => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        };
        view! {
            <button name="theme" value=theme.as_str() aria-pressed=pressed>
                {name}
            </button>
        }
    });
    view! {
        <form method="post" action="/web/action/set_theme" >
            <input type="hidden" name="back" value=back.to_owned() />
            <div class="theme-switch" role="group" aria-label="Colours">
                {buttons.into_iter().collect_view()}
            </div>
        </form>
    }
    .into_any()
}
