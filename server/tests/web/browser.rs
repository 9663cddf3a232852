//! A browser without scripts: cookies, forms, and no redirect followed unseen.

use http::{HeaderMap, Method, header};
use url::form_urlencoded;

use crate::support::{Body, Client, Switchboard, full, text};

/// What a page or form answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Where a form's answer leads; only 303 makes every browser go on with GET.
    pub(crate) fn goes_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    /// What it says where its forms come from; empty for nothing.
    pub(crate) origin: String,
    /// `name=value` of the session.
    pub(crate) cookie: Option<String>,
    /// `name=value` of what is kept on the way to a provider of sign-ins.
    pub(crate) journey: Option<String>,
}

impl Browser {
    pub(crate) fn new(switchboard: &Switchboard) -> Self {
        Self { client: switchboard.client().bearer(""), origin: switchboard.url(), cookie: None, journey: None }
    }

    /// Signed in to the first account.
    pub(crate) async fn signed_in(switchboard: &Switchboard) -> Self {
        let mut browser = Self::new(switchboard);
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
        assert_eq!(browser.submit("/web/action/sign_in", &account).await.goes_to(), "/web");
        assert!(browser.cookie.is_some());
        browser
    }

    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::default()).await
    }

    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, full(form)).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = self
            .client
            .request(method.clone(), path)
            .header(header::ACCEPT, "text/html")
            .header(header::USER_AGENT, "Test/1.0 (scripts off)");
        let kept: Vec<_> = self.cookie.iter().chain(&self.journey).map(String::as_str).collect();
        if !kept.is_empty() {
            request = request.header(header::COOKIE, format!("theme=dark; {}", kept.join("; ")));
        }
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if !self.origin.is_empty() {
                request = request.header(header::ORIGIN, &self.origin);
            }
        }
        let response = self.client.send(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.keep_cookie(&headers);
        Answer { status, headers, body: text(response).await }
    }

    fn keep_cookie(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            let kept = (!line.contains("Max-Age=0")).then(|| pair.to_owned());
            if pair.starts_with("switchboard=") {
                self.cookie = kept;
            } else if pair.starts_with("switchboard-oidc=") {
                assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
                self.journey = kept;
            }
        }
    }
}
