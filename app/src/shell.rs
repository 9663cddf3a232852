//! The document around every page.

use crate::{pages::App, ssr, theme::Theme};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

/// Marks the document as having scripts, before anything is shown, and lets each form be sent once: a second press
/// while the answer is under way does nothing. Coming back to the page makes its forms usable again.
const FIRST_SCRIPT: &str = "\
document.documentElement.dataset.scripts='';\
addEventListener('submit',e=>{const f=e.target;if(f.method!=='post')return;\
if(f.dataset.sent!==undefined)e.preventDefault();else f.dataset.sent='';});\
addEventListener('pageshow',()=>{for(const f of document.querySelectorAll('form[data-sent]'))delete f.dataset.sent;});";

/// The whole document.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let request = ssr::request();
    let theme = request.as_ref().map_or(Theme::System, |request| request.theme);
    let assets = request.map(|request| request.assets);
    let stylesheet = assets.as_ref().map(|assets| assets.stylesheet.clone());
    let favicon = assets.map(|assets| assets.favicon);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <script nonce=use_nonce()>{FIRST_SCRIPT}</script>
                <link rel="stylesheet" href=stylesheet />
                <link rel="icon" type="image/svg+xml" href=favicon />
                <AutoReload options=options.clone() />
                <HydrationScripts options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
