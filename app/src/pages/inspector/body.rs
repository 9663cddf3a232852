//! A body: as what it is, or as text or bytes.

use super::{
    asked::Asked,
    heads,
    json::{MOST_PLACES, marked, tree},
};
use crate::{
    format,
    inspector::{BYTES_PER_LINE, Content, View, dump, form},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{BodyInfo, CaptureLevel, Exchange, ExchangeKind, MessageHead, Party, RequestId};
use leptos::prelude::*;
use server_core::StoredBody;

/// The most of a body that is undone of its encoding, bytes.
const LARGEST: usize = 8 * 1024 * 1024;
/// The most of a body that a page shows as text, bytes.
const MOST_TEXT: usize = 256 * 1024;
/// The most of a body that a page shows in hexadecimal, bytes.
const MOST_HEX: usize = 1_024 * BYTES_PER_LINE;

/// One of the bodies of an exchange.
pub struct Body<'a> {
    exchange: &'a Exchange,
    party: Party,
    content: Option<Content>,
    /// Whether its encoding could not be undone.
    packed: bool,
}

impl<'a> Body<'a> {
    /// The body of one side, as much as is kept of it.
    pub fn new(exchange: &'a Exchange, party: Party, stored: Option<&StoredBody>) -> Self {
        let info = info(exchange, party);
        let Some(stored) = stored.filter(|stored| !stored.bytes.is_empty()) else {
            return Self { exchange, party, content: None, packed: false };
        };
        let (bytes, all) = stored.decoded(LARGEST);
        let is_encoded = info.content_encoding.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case("identity"));
        let packed = is_encoded && *bytes == stored.bytes;
        let media_type = info.content_type.as_deref().unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let content = Content { bytes: bytes.into_owned(), cut: !all || info.kept < info.size, media_type };
        Self { exchange, party, content: Some(content), packed }
    }

    /// What it is, when there is something of it.
    pub fn content(&self) -> Option<&Content> {
        self.content.as_ref()
    }

    /// The HTML.
    pub fn view(&self, asked: &Asked, download: &str) -> AnyView {
        let info = info(self.exchange, self.party);
        let Some(content) = &self.content else { return self.nothing(info, asked) };
        let views = content.views();
        let shown = asked.view(self.party).filter(|view| views.contains(view));
        let shown = shown.or_else(|| views.first().copied()).unwrap_or(View::Raw);
        let id = self.exchange.summary.id;
        view! {
            <div class="body">
                <div class="section-head">
                    <h4>"Body"</h4>
                    {tabs(asked, id, self.party, &views, shown)}
                </div>
                {self.about(info, content, download)}
                {self.shown(shown, content, asked)}
            </div>
        }
        .into_any()
    }

    /// Sizes, type, and what is not there.
    fn about(&self, info: &BodyInfo, content: &Content, download: &str) -> AnyView {
        let size = if info.kept < info.size {
            format!("{} of {} kept", format::bytes(info.kept), format::bytes(info.size))
        } else {
            format::bytes(info.size)
        };
        let packed = info.content_encoding.as_ref().map(|encoding| match self.packed {
            true => format!("{encoding}, which cannot be undone here"),
            false => format!("{encoding}, {} unpacked", format::bytes(content.bytes.len() as u64)),
        });
        let media_type = info.content_type.clone().unwrap_or_else(|| "no type given".into());
        let masked = info.masked.then(|| view! { <span class="masked">"parts masked"</span> });
        let cut = content.cut.then(|| view! { <span class="truncated">"truncated"</span> });
        view! {
            <p class="body-about">
                <span class="mono">{media_type}</span>
                <span>{size}</span>
                {packed.map(|text| view! { <span>{text}</span> })}
                {cut}
                {masked}
                <a href=download.to_owned() download="">"Download"</a>
            </p>
        }
        .into_any()
    }

    /// There is no body, or nothing of it was kept.
    fn nothing(&self, info: &BodyInfo, asked: &Asked) -> AnyView {
        if info.size == 0 {
            return view! { <p class="muted">"No body."</p> }.into_any();
        }
        let summary = &self.exchange.summary;
        if matches!(summary.kind, ExchangeKind::WebSocket | ExchangeKind::EventStream) {
            return view! { <p class="muted">{format::bytes(info.size)} ": its messages are below."</p> }.into_any();
        }
        let keep = asked.keeping(summary.id, CaptureLevel::Bodies);
        view! {
            <p class="muted">
                "A body of " {format::bytes(info.size)} ", of which nothing was kept. "
                <a href=keep>"Keep bodies from now on"</a>
            </p>
        }
        .into_any()
    }

    fn shown(&self, view: View, content: &Content, asked: &Asked) -> AnyView {
        match view {
            View::Json => json(content, asked),
            View::Form => heads::pairs("Form", &form(content.text().unwrap_or_default().as_bytes())),
            View::Image => image(content),
            View::Text => text(content.text().unwrap_or_default(), &asked.find),
            View::Hex => hex(content),
            View::Raw => raw(head(self.exchange, self.party), content),
        }
    }
}

/// Which body it is.
pub fn info(exchange: &Exchange, party: Party) -> &BodyInfo {
    match party {
        Party::Client => &exchange.request_body,
        Party::Server => &exchange.response_body,
    }
}

fn head(exchange: &Exchange, party: Party) -> Option<&MessageHead> {
    match party {
        Party::Client => exchange.request.as_ref(),
        Party::Server => exchange.response.as_ref(),
    }
}

fn tabs(asked: &Asked, id: RequestId, party: Party, views: &[View], shown: View) -> AnyView {
    let links = views.iter().map(|view| {
        let href = asked.viewed(id, party, *view);
        view! {
            <a href=href.as_str().to_owned() data-desk="" aria-current=(*view == shown).then_some("true")>
                {view.name()}
            </a>
        }
    });
    let label = match party {
        Party::Client => "Views of the request's body",
        Party::Server => "Views of the response's body",
    };
    view! { <nav class="tabs" aria-label=label>{links.collect_view()}</nav> }.into_any()
}

fn json(content: &Content, asked: &Asked) -> AnyView {
    match content.json() {
        Some(outline) if outline.value.size() <= MOST_PLACES => tree(&outline, &asked.find),
        _ => view! {
            <p class="field-hint">"Too much for a tree: shown as text."</p>
            {text(content.text().unwrap_or_default(), &asked.find)}
        }
        .into_any(),
    }
}

fn text(text: &str, find: &str) -> AnyView {
    let (shown, rest) = beginning(text);
    view! {
        <pre class="dump" tabindex="0">{marked(shown, &find.to_lowercase())}</pre>
        {rest}
    }
    .into_any()
}

/// As much as a page shows, and what is said about the rest.
fn beginning(text: &str) -> (&str, Option<AnyView>) {
    if text.len() <= MOST_TEXT {
        return (text, None);
    }
    let mut end = MOST_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], Some(not_all(end, text.len())))
}

fn not_all(shown: usize, all: usize) -> AnyView {
    let text = format!(
        "The first {} of {} are shown. Download it for the rest.",
        format::bytes(shown as u64),
        format::bytes(all as u64)
    );
    view! { <p class="field-hint">{text}</p> }.into_any()
}

fn hex(content: &Content) -> AnyView {
    let shown = &content.bytes[..content.bytes.len().min(MOST_HEX)];
    let rest = (shown.len() < content.bytes.len()).then(|| not_all(shown.len(), content.bytes.len()));
    view! {
        <pre class="dump dump-hex" tabindex="0">{dump(shown)}</pre>
        {rest}
    }
    .into_any()
}

/// A picture, by what its first bytes say it is: as data of the page, in a type that holds nothing but pictures.
fn image(content: &Content) -> AnyView {
    let Some(raster) = content.picture() else { return ().into_any() };
    let source = format!("data:{};base64,{}", raster.media_type(), STANDARD.encode(&content.bytes));
    view! {
        <div class="picture">
            <img src=source alt="The picture in the body" />
        </div>
    }
    .into_any()
}

/// Head and body one after the other, as they came.
fn raw(head: Option<&MessageHead>, content: &Content) -> AnyView {
    let mut all = String::new();
    if let Some(head) = head {
        all.push_str(&head.start_line);
        all.push('\n');
        for field in &head.fields {
            all.push_str(&format!("{}: {}\n", field.name, field.value));
        }
        all.push('\n');
    }
    all.push_str(&String::from_utf8_lossy(&content.bytes));
    text(&all, "")
}
