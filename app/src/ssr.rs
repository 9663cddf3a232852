//! What the server hands to pages and actions, and how they answer.

use crate::{destination::Destination, theme::Theme};
use domain::Timestamp;
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use server_core::{Services, Viewer};
use std::net::IpAddr;
use tower_sessions::Session;

/// The key in the browser's session under which the user's id is kept, as text.
pub const SESSION_USER: &str = "user_id";

/// The key in the browser's session under which it is kept that somebody knew a password, while a code is to follow.
pub const SESSION_CHALLENGE: &str = "challenge";

/// What is known about the request a page or an action answers. The server provides it as context, beside
/// [`Services`].
#[derive(Clone)]
pub struct RequestContext {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// Where the request came from.
    pub client: IpAddr,
    /// The browser's session.
    pub session: Session,
    /// The SHA-256 of the session cookie's value; `None` where the browser sent none.
    pub session_key: Option<[u8; 32]>,
    /// Where the front end's files are.
    pub assets: AssetLinks,
    /// The colours the browser asked for with its cookie.
    pub theme: Theme,
    /// The public URL of this server, without a slash at its end.
    pub server_url: String,
}

/// The addresses of the files that pages name themselves; those of script and program come from `LeptosOptions`.
#[derive(Debug, Clone)]
pub struct AssetLinks {
    /// `main.css`.
    pub stylesheet: String,
    /// `echarts.min.js`.
    pub echarts: String,
    /// `favicon.svg`.
    pub favicon: String,
}

/// The request that is answered. `None` while the routes are listed, which runs the app without a request.
pub fn request() -> Option<RequestContext> {
    use_context()
}

/// What shows that the browser's user knew a password; `None`: nothing does.
pub async fn challenge(request: &RequestContext) -> Option<String> {
    // What cannot be read shows nothing.
    request.session.get(SESSION_CHALLENGE).await.ok().flatten()
}

/// The services. `None` while the routes are listed.
pub fn services() -> Option<Services> {
    use_context()
}

/// Sends the browser to another page, by GET whatever the method of this request.
pub fn see_other(to: &Destination) {
    let (Some(response), Ok(location)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(to.as_str())) else {
        return;
    };
    response.set_status(StatusCode::SEE_OTHER);
    response.insert_header(header::LOCATION, location);
}

/// Sets the status of the page that is rendered.
pub fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// Adds a header to the answer.
pub fn append_header(name: header::HeaderName, value: HeaderValue) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(name, value);
    }
}

/// Now, for times relative to it.
pub fn now() -> Timestamp {
    chrono::Utc::now()
}
