//! What the address of an inspector asks for. Whatever can be looked at has an address of its own.

use super::place::Place;
use crate::{destination::Destination, inspector::View, query::Query};
use domain::{CaptureLevel, ExchangeFilter, ExchangeFilterError, Party, RequestId};

/// The longest text to look for in a body, characters.
const LONGEST_FIND: usize = 100;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    path: String,
    /// What the list is narrowed to.
    pub filter: ExchangeFilter,
    /// What is wrong with it.
    pub wrong: Option<ExchangeFilterError>,
    /// The exchange that is looked at.
    pub selected: Option<RequestId>,
    /// The one that it is compared with.
    pub compare: Option<RequestId>,
    /// What is looked for in the bodies.
    pub find: String,
    /// Where the list starts.
    pub cursor: Option<String>,
    /// What is to be chosen in the form that says what is kept.
    pub keep: Option<CaptureLevel>,
    /// Whether only the exchange is asked for, by the page's own program.
    pub part: bool,
    request_view: Option<View>,
    response_view: Option<View>,
}

impl Asked {
    /// What the address asks for; what is unknown counts as not asked for.
    pub fn of(place: &Place, query: &Query) -> Self {
        let (mut filter, mut wrong) = (ExchangeFilter::default(), None);
        for (name, value) in query.iter() {
            if let Err(error) = filter.set(name, value) {
                wrong = Some(error);
            }
        }
        let id = |name: &str| query.get_str(name).and_then(|id| id.parse().ok());
        let view = |name: &str| query.get_str(name).and_then(View::named);
        Self {
            path: format!("/web{}/inspector", place.path()),
            filter,
            wrong,
            selected: id("selected"),
            compare: id("compare"),
            find: query.get_str("find").unwrap_or_default().trim().chars().take(LONGEST_FIND).collect(),
            cursor: query.get("cursor").filter(|cursor| !cursor.is_empty()),
            keep: query.get_str("keep").and_then(|level| level.parse().ok()),
            part: query.get_str("part") == Some("exchange"),
            request_view: view("request"),
            response_view: view("response"),
        }
    }

    /// The page with nothing asked for.
    pub fn all(&self) -> Destination {
        Destination::page(self.path.clone())
    }

    /// The list, narrowed as it is.
    pub fn list(&self) -> Destination {
        self.filter.pairs().iter().fold(self.all(), |page, (name, value)| page.with(name, value))
    }

    /// The part of the list that is shown.
    fn shown(&self) -> Destination {
        self.list().with_some("cursor", self.cursor.as_deref())
    }

    /// The same while another exchange is chosen to compare with, if one is: to this `selected` is added.
    pub fn choosing(&self) -> Destination {
        let compare = self.compare.map(|id| id.to_string());
        self.shown().with_some("compare", compare.as_deref())
    }

    /// Another part of the list.
    pub fn from(&self, cursor: &str) -> Destination {
        self.list().with("cursor", cursor)
    }

    /// One exchange, looked at by itself.
    pub fn exchange(&self, id: RequestId) -> Destination {
        self.shown().with("selected", &id.to_string())
    }

    /// The same with the form that says what is kept, and this chosen in it.
    pub fn keeping(&self, id: RequestId, level: CaptureLevel) -> String {
        format!("{}#capture-form", self.exchange(id).with("keep", level.as_str()).as_str())
    }

    /// Two of them, compared.
    pub fn comparison(&self, first: RequestId, second: RequestId) -> Destination {
        self.shown().with("compare", &first.to_string()).with("selected", &second.to_string())
    }

    /// The view of a body that is asked for.
    pub fn view(&self, party: Party) -> Option<View> {
        match party {
            Party::Client => self.request_view,
            Party::Server => self.response_view,
        }
    }

    /// The exchange with another view of one of its bodies.
    pub fn viewed(&self, id: RequestId, party: Party, view: View) -> Destination {
        let (request, response) = match party {
            Party::Client => (Some(view), self.response_view),
            Party::Server => (self.request_view, Some(view)),
        };
        self.exchange(id)
            .with_some("request", request.map(View::as_str))
            .with_some("response", response.map(View::as_str))
            .with_some("find", Some(&self.find))
    }

    /// The fields of a form that looks for something in the bodies of an exchange, besides the text itself.
    pub fn fields(&self, id: RequestId) -> Vec<(&'static str, String)> {
        let mut fields = self.filter.pairs();
        fields.push(("selected", id.to_string()));
        let views = [("request", self.request_view), ("response", self.response_view)];
        fields.extend(views.into_iter().filter_map(|(name, view)| Some((name, view?.as_str().to_owned()))));
        fields
    }
}
