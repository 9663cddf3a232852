//! `/web/login/oidc`: to the provider, and `…/callback`: back from it. Neither shows a page: they lead to one, with a code
//! for what was wrong.

use std::sync::Arc;

use app::{
    destination::Destination,
    ssr::RequestContext,
    way_in::{let_in, refusal},
};
use axum::{
    Extension, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use server_core::{CoreError, Errand, Journey, Proven, Services};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::plain;
use crate::oidc::{CALLBACK, OidcError, Provider};

/// A browser takes the `__Host-` prefix only from this host over https.
const SECURE_NAME: &str = "__Host-switchboard-oidc";
const PLAIN_NAME: &str = "switchboard-oidc";
/// The cookie of a sign-in that is under way at a provider, with and without https.
pub(super) const COOKIES: [&str; 2] = [SECURE_NAME, PLAIN_NAME];
/// The longest code that is passed on, bytes.
const LONGEST_CODE: usize = 4_096;

/// What the two addresses need.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) services: Services,
    pub(super) provider: Arc<Provider>,
    /// Whether cookies are for https only.
    pub(super) secure: bool,
}

/// The two addresses; none where there is no provider.
pub(super) fn routes(door: Option<Door>) -> Router {
    match door {
        Some(door) => Router::new().route("/web/login/oidc", get(depart)).route(CALLBACK, get(arrive)).with_state(door),
        None => Router::new(),
    }
}

/// What an address says. What it says twice, it does not say.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(RawQuery(query): RawQuery) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}

/// To the provider: to sign in, for what an invitation offers, or to link the account that one is signed in to.
async fn depart(State(door): State<Door>, Extension(request): Extension<RequestContext>, query: RawQuery) -> Response {
    let query = Query::of(query);
    let next = query.get("next").and_then(Destination::named);
    let errand = match errand(&door, &request, &query, next.as_ref()).await {
        Ok(errand) => errand,
        Err(elsewhere) => return see_other(&elsewhere),
    };
    let departure = match door.provider.depart().await {
        Ok(departure) => departure,
        Err(error) => return see_other(&refused(&errand, next.as_ref(), &error)),
    };
    let url = HeaderValue::try_from(departure.url.as_str());
    let journey = Journey {
        state: departure.state,
        nonce: departure.nonce,
        verifier: departure.verifier,
        next: next.as_ref().map(|next| next.as_str().to_owned()),
        errand,
    };
    let kept = match door.services.accounts().depart(&journey) {
        Ok(kept) => kept,
        Err(error) => return see_other(&refusal(form(&journey.errand, next.as_ref()), &error)),
    };
    let (Ok(url), Ok(cookie)) = (url, door.cookie(&kept, Journey::SECONDS)) else { return plain::failed() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, url), (header::SET_COOKIE, cookie)]).into_response()
}

/// What somebody wants at the provider; `Err`: they have nothing to do there, and go there instead.
async fn errand(
    door: &Door,
    request: &RequestContext,
    query: &Query,
    next: Option<&Destination>,
) -> Result<Errand, Destination> {
    let accounts = door.services.accounts();
    if let Some(ticket) = query.get("link") {
        let viewer = request.viewer.as_ref().filter(|viewer| accounts.linking(viewer, ticket));
        let ended = || settings().with("error", "sign_in_ended");
        return viewer.map(|viewer| Errand::Link(viewer.id())).ok_or_else(ended);
    }
    if request.viewer.is_some() {
        return Err(next.cloned().unwrap_or_else(overview));
    }
    if let Some(secret) = query.get("invitation") {
        let errand = Errand::Invitation(secret.to_owned());
        // The page says what is wrong with it.
        return match accounts.invitation(secret).await {
            Ok(_) => Ok(errand),
            Err(_) => Err(form(&errand, None)),
        };
    }
    match accounts.any_exist().await {
        Ok(true) => Ok(Errand::SignIn),
        Ok(false) => Err(Destination::page("/web/setup")),
        Err(error) => Err(refusal(form(&Errand::SignIn, next), &error)),
    }
}

/// Back from the provider.
async fn arrive(
    State(door): State<Door>,
    Extension(request): Extension<RequestContext>,
    headers: HeaderMap,
    query: RawQuery,
) -> Response {
    let query = Query::of(query);
    let journey = door.kept(&headers).and_then(|kept| door.services.accounts().arrive(kept));
    let begun_here = |journey: &Journey| {
        let state = query.get("state").unwrap_or_default();
        bool::from(state.as_bytes().ct_eq(journey.state.as_bytes()))
    };
    // Another's answer ends nothing that was begun here.
    let Some(journey) = journey.filter(begun_here) else {
        return see_other(&form(&Errand::SignIn, None).with("error", "sign_in_ended"));
    };
    let mut response = see_other(&door.come_back(&request, &query, &journey).await);
    if let Ok(cookie) = door.cookie("", 0) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

impl Door {
    /// Where somebody goes who has come back with the right state.
    async fn come_back(&self, request: &RequestContext, query: &Query, journey: &Journey) -> Destination {
        let (errand, accounts) = (&journey.errand, self.services.accounts());
        let next = journey.next.as_deref().and_then(Destination::named);
        let form = form(errand, next.as_ref());
        if let Err(error) = accounts.returned(request.client) {
            return refusal(form, &error);
        }
        match self.ask(query, journey).await {
            Ok(proven) => match self.admit(request, errand, &proven, next).await {
                Ok(page) => page,
                Err(error) => refusal(form, &error),
            },
            Err(error) => {
                accounts.not_returned(request.client).await;
                refused(errand, next.as_ref(), &error)
            }
        }
    }

    async fn ask(&self, query: &Query, journey: &Journey) -> Result<Proven, OidcError> {
        if query.get("iss").is_some_and(|issuer| !self.provider.is_from(issuer)) {
            return Err(OidcError::Token("the answer is another provider's (iss)".to_owned()));
        }
        match query.get("code") {
            Some(code) if code.len() <= LONGEST_CODE => self.provider.arrive(code.to_owned(), journey).await,
            Some(_) => Err(OidcError::Answer("its code is longer than 4 KiB".to_owned())),
            None => Err(OidcError::of_answer(query.get("error").unwrap_or("no code"))),
        }
    }

    async fn admit(
        &self,
        request: &RequestContext,
        errand: &Errand,
        proven: &Proven,
        next: Option<Destination>,
    ) -> Result<Destination, CoreError> {
        let accounts = self.services.accounts();
        let outcome = match errand {
            Errand::SignIn => accounts.sign_in_by(proven, request.client).await?,
            Errand::Invitation(secret) => accounts.accept_by(secret, proven, request.client).await?,
            Errand::Link(user) => {
                let Some(viewer) = request.viewer.as_ref().filter(|viewer| viewer.id() == *user) else {
                    return Ok(Destination::page("/web/login").with("error", "not_signed_in"));
                };
                accounts.link(viewer, proven).await?;
                return Ok(Destination::page("/web/settings").with("done", "identity_linked"));
            }
        };
        let_in(request, outcome, next).await
    }

    fn name(&self) -> &'static str {
        if self.secure { SECURE_NAME } else { PLAIN_NAME }
    }

    /// What the browser has kept, if that is one thing and not two.
    fn kept<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(name, _)| name.trim() == self.name()).map(|(_, value)| value.trim());
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// `Lax`: it has to come along when the provider sends the browser back.
    fn cookie(&self, value: &str, seconds: i64) -> Result<HeaderValue, header::InvalidHeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
    }
}

/// The page that somebody set out from.
fn form(errand: &Errand, next: Option<&Destination>) -> Destination {
    match errand {
        Errand::SignIn => Destination::page("/web/login").with_some("next", next.map(Destination::as_str)),
        Errand::Link(_) => settings(),
        Errand::Invitation(secret) => Destination::page("/web/invitation").with("token", secret),
    }
}

fn settings() -> Destination {
    Destination::page("/web/settings").with("form", "identity")
}

fn overview() -> Destination {
    Destination::page("/web")
}

fn refused(errand: &Errand, next: Option<&Destination>, error: &OidcError) -> Destination {
    let code = match error {
        OidcError::Away(_) | OidcError::Answer(_) => "oidc_away",
        OidcError::Refused(_) => "oidc_refused",
        OidcError::Declined(_) => "oidc_declined",
        OidcError::Token(_) => "oidc_untrusted",
    };
    match error {
        OidcError::Declined(_) => tracing::info!(code, "a sign-in with a provider ended: {error}"),
        _ => tracing::warn!(code, "a sign-in with a provider failed: {error}"),
    }
    form(errand, next).with("error", code)
}

fn see_other(to: &Destination) -> Response {
    match HeaderValue::try_from(to.as_str()) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => plain::failed(),
    }
}
