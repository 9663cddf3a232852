//! The answers a telephone gives itself.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use wire::head::{RequestHead, ResponseHead};

use crate::target::Target;

const ERROR_CODE: HeaderName = HeaderName::from_static("x-switchboard-error");

/// Why there is no response of the local server.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// Nothing answers there.
    Unreachable(String),
    /// It was to speak HTTP/2, and does not.
    NotHttp2(String),
    /// It answered, but not with a response.
    Broken(String),
    /// A request that cannot be forwarded.
    Unsupported,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable(_) | Self::NotHttp2(_) | Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "local_unreachable",
            Self::NotHttp2(_) => "local_not_http2",
            Self::Broken(_) => "local_broken",
            Self::Unsupported => "not_supported",
        }
    }

    /// What is wrong, in a sentence or two for whoever runs the telephone.
    pub(super) fn text(&self, target: &Target) -> String {
        match self {
            Self::Unreachable(cause) => format!(
                "nothing answers on {target} ({cause}). The tunnel works; start the local web server, or check the \
                 address the telephone forwards to."
            ),
            Self::NotHttp2(cause) => format!(
                "what answers on {target} cannot be asked over HTTP/2 ({cause}). The tunnel works; if the local web \
                 server speaks HTTP/1.1, have the telephone forward to http:// instead of h2c://."
            ),
            Self::Broken(cause) => format!(
                "{target} broke off before it had answered ({cause}). The tunnel works; look at the local web server's log."
            ),
            Self::Unsupported => "CONNECT cannot be forwarded to a web server.".to_owned(),
        }
    }

    /// The response to `request`.
    pub(super) fn page(&self, request: &RequestHead, target: &Target) -> (ResponseHead, Bytes) {
        let text = format!("{}: {}", self.status().canonical_reason().unwrap_or_default(), self.text(target));
        let (kind, body) = if wants_html(request) {
            ("text/html; charset=utf-8", html(&text))
        } else {
            ("text/plain; charset=utf-8", text + "\n")
        };
        let mut headers = HeaderMap::new();
        headers.insert(ERROR_CODE, HeaderValue::from_static(self.code()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let body = if request.method == Method::HEAD { Bytes::new() } else { body.into() };
        (ResponseHead { status: self.status(), headers }, body)
    }
}

fn wants_html(request: &RequestHead) -> bool {
    request.headers.get_all(ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")))
}

fn html(text: &str) -> String {
    let (title, rest) = text.split_once(": ").unwrap_or((text, ""));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>body{{font:1rem/1.5 system-ui,sans-serif;\
         max-width:40rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}}</style><h1>{title}</h1><p>{}</p>\n",
        escape(rest),
        title = escape(title),
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
