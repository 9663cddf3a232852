//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a program that does not know whether its request arrived
//! sends it again, with the same key, and nothing is made twice.
//!
//! It holds for each call that makes something, or puts a new secret in the place of an old one, and only a success is kept:
//! after a refusal nothing was done, so the next attempt is a first one.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use server_core::{Begun, ClaimedKey, IdempotencyKey, KeptAnswer, Services};
use tokio::task::JoinError;
use tracing::Instrument;

use super::{
    bearer::{access_token, caller},
    document::BASE,
    error::{ApiError, ApiResult, describe},
    extract,
    respond::DEADLINE,
};

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What is kept of an answer's head besides its status.
const KEPT_FIELDS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// More than any answer that says what was made.
const MOST_KEPT: usize = 256 * 1024;

/// The longest key, characters.
const LONGEST_KEY: usize = 255;

/// What the middleware has to know.
#[derive(Clone)]
pub(super) struct Once {
    pub(super) services: Services,
    /// The paths where something is made or replaced.
    pub(super) makers: Arc<BTreeSet<String>>,
}

/// Answers a request that was answered before as it was then.
pub(super) async fn once(
    State(Once { services, makers }): State<Once>,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    if !is_maker(&request, &makers) {
        return Ok(next.run(request).await);
    }
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    // Who may not ask at all is told so by the handler.
    let Some(token) = access_token(request.headers())? else { return Ok(next.run(request).await) };
    let (viewer, scopes) = caller(&services, token).await?;
    let (parts, body) = request.into_parts();
    let body = extract::read(body).await?;
    let asked = [parts.uri.path().as_bytes(), parts.uri.query().unwrap_or_default().as_bytes(), &body];
    let key = IdempotencyKey::new(&viewer, scopes.as_ref(), &key, &asked);
    let request = Request::from_parts(parts, Body::from(body));
    // Also when the client goes away meanwhile: that is when it will ask again.
    let work = tokio::spawn(answer(services, key, request, next).in_current_span());
    match work.await.map_err(JoinError::try_into_panic) {
        Ok(answered) => answered,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(ApiError::internal()),
    }
}

async fn answer(services: Services, key: IdempotencyKey, request: Request, next: Next) -> ApiResult<Response> {
    match services.idempotency().begin(&key).await? {
        Begun::Again(answer) => again(answer),
        Begun::Different => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this Idempotency-Key was used for another request; take a new one for each",
        )),
        Begun::UnderWay => Err(ApiError::new(
            StatusCode::CONFLICT,
            "request_under_way",
            "the first request with this Idempotency-Key is under way, or the server was stopped before it was answered; \
             if this stays so, look whether it was made, and take another key",
        )),
        Begun::First(claim) => {
            let response = tokio::time::timeout(DEADLINE, next.run(request)).await;
            // Given up on the way: whether something was made is not known, so the key stays claimed.
            let response = response.map_err(|_| ApiError::internal())?;
            keep(&services, claim, response).await
        }
    }
}

fn is_maker(request: &Request, makers: &BTreeSet<String>) -> bool {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    request.method() == Method::POST && makers.contains(path.strip_prefix(BASE).unwrap_or(path))
}

/// The key: a String of RFC 9651 section 3.3.3 as the draft says, or, as most programs send it, without quotes.
fn key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|_| values.next().is_none());
    let key = text.and_then(|text| match text.strip_prefix('"') {
        Some(rest) => unquoted(rest),
        None => Some(text.to_owned()).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')),
    });
    key.filter(|key| (1..=LONGEST_KEY).contains(&key.len())).map(Some).ok_or_else(|| {
        ApiError::bad_request(
            "invalid_idempotency_key",
            "an Idempotency-Key is one text of 1 to 255 visible ASCII characters, such as \"0190f5e2-7d3c-7a51\"",
        )
    })
}

/// What stands in quotes, of which the first is taken away already.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(key),
            '\\' => key.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter @ ' '..='~' => key.push(letter),
            _ => return None,
        }
    }
}

async fn keep(services: &Services, claim: ClaimedKey, response: Response) -> ApiResult<Response> {
    if !response.status().is_success() {
        if let Err(error) = services.idempotency().release(claim).await {
            tracing::warn!(cause = describe(&error), "an idempotency key could not be released");
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MOST_KEPT).await.map_err(|error| {
        tracing::error!(%error, "an answer could not be kept");
        ApiError::internal()
    })?;
    let field =
        |name: &HeaderName| Some((name.as_str().to_owned(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        headers: KEPT_FIELDS.iter().filter_map(field).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Err(error) = services.idempotency().finish(claim, &answer).await {
        // It was made, which is what counts; who asks again is told that it is not known.
        tracing::warn!(cause = describe(&error), "an answer could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(answer: KeptAnswer) -> ApiResult<Response> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| ApiError::internal())?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(IDEMPOTENCY_REPLAYED.clone(), HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read(value: &str) -> Result<Option<String>, ()> {
        let mut headers = HeaderMap::new();
        headers.insert(&IDEMPOTENCY_KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        key(&headers).map_err(|_| ())
    }

    #[test]
    fn a_key_is_read_with_and_without_quotes() {
        let longest = "k".repeat(LONGEST_KEY);
        for (value, expected) in [
            ("\"8e03978e-40d5-43dd\"", "8e03978e-40d5-43dd"),
            ("8e03978e-40d5-43dd", "8e03978e-40d5-43dd"),
            (" \"a b\" ", "a b"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (&longest, &longest),
        ] {
            assert_eq!(read(value), Ok(Some(expected.to_owned())), "{value}");
        }
        let too_long = "k".repeat(LONGEST_KEY + 1);
        for value in ["", "\"\"", "\"a", "a\"", "\"a\";b=1", "\"a\" \"b\"", r#""a\b""#, "a b", "é", &too_long] {
            assert_eq!(read(value), Err(()), "{value}");
        }
        assert!(matches!(key(&HeaderMap::new()), Ok(None)));
        let mut twice = HeaderMap::new();
        twice.append(&IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        twice.append(&IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        assert!(key(&twice).is_err());
    }
}
