//! The choice of colours.

use crate::{
    destination::Destination,
    ssr,
    theme::{THEME_COOKIE, Theme},
};
use http::{HeaderValue, header};
use leptos::prelude::*;

/// Seconds that the choice lasts: a year.
const MAX_AGE: u32 = 365 * 86_400;

/// Keeps the choice in a cookie, so that pages come in the right colours from the first byte.
#[server(name = SetTheme, prefix = "/web/action", endpoint = "set_theme")]
pub async fn set_theme(#[server(default)] theme: String, #[server(default)] back: String) -> Result<(), ServerFnError> {
    let Some(request) = ssr::request() else { return Ok(()) };
    let theme = theme.parse::<Theme>().unwrap_or_default().as_str();
    let secure = if request.server_url.starts_with("https:") { "; Secure" } else { "" };
    let cookie = format!("{THEME_COOKIE}={theme}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        ssr::append_header(header::SET_COOKIE, cookie);
    }
    ssr::see_other(&Destination::named(&back).unwrap_or_else(|| Destination::page("/web")));
    Ok(())
}
