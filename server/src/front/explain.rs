//! What stands in front of something, in words.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use domain::{ExplainAbout, ExplainStep, LetIn, RatePer};

use super::pace::Width;
use super::{Front, Listed};
use crate::proxy::Problem;

impl Front {
    /// Tells what it would do with a request of this client; the problem if it would not let it in. `is_of_backend` as in
    /// [`Ahead`](super::Ahead).
    pub fn explain(&self, client: IpAddr, is_of_backend: bool) -> (Vec<ExplainStep>, Option<Problem>) {
        let (what, mut steps) = (self.of.as_str(), Vec::new());
        let mut say = |yes, text: String| steps.push(ExplainStep { about: ExplainAbout::Front, yes, text });
        let listed = self.listed(client);
        match listed {
            Listed::Denied => say(false, format!("{client} is in the list of networks that the {what} denies")),
            Listed::NotAllowed => say(false, format!("{client} is not in the list of networks that the {what} allows")),
            Listed::Allowed => say(true, format!("the {what}'s lists of networks let {client} in")),
            Listed::Free => {}
        }
        if matches!(listed, Listed::Denied | Listed::NotAllowed) {
            return (steps, Some(Problem::network_denied()));
        }
        if is_of_backend && self.settings.maintenance.is_some() {
            say(false, format!("the {what} is under maintenance: it is given nothing"));
        } else if let Some(maintenance) = &self.settings.maintenance {
            say(false, format!("the {what} is under maintenance: nobody is let in"));
            return (steps, Some(Problem::maintenance(maintenance)));
        }
        if let Some(limit) = self.settings.header_limit {
            say(true, format!("the {what} takes header fields of up to {limit} bytes in all"));
        }
        if let Some(limit) = self.settings.body_limit {
            say(true, format!("the {what} takes bodies of up to {limit} bytes"));
        }
        for limit in &self.settings.rate_limits {
            let whose = if limit.per == RatePer::All { "in all" } else { "of each client" };
            say(true, format!("the {what} takes {} requests in {} s {whose}", limit.requests, limit.seconds));
        }
        for limit in self.widths.iter().map(Width::limit) {
            let whose = if limit.per == RatePer::All { "in all" } else { "of each client" };
            let (bytes, way) = (limit.bytes_per_second, limit.direction.as_str());
            say(true, format!("the {what} lets {bytes} bytes a second pass {way}, {whose}"));
        }
        if let Some(sign_in) = &self.settings.sign_in {
            let whom = match sign_in.who {
                LetIn::Anybody => "whoever has one is let in".to_owned(),
                LetIn::Listed => format!("accounts that are let in: {}", sign_in.accounts.len()),
            };
            say(true, format!("the {what} asks for an account of the dashboard; {whom}"));
        }
        if let Some(auth) = &self.settings.basic_auth {
            say(true, format!("the {what} asks for a password; names that have one: {}", auth.users.len()));
        }
        let links = self.shares.live(chrono::Utc::now());
        if links > 0 && self.asks_who() {
            let without = if self.passwords.is_some() { "a password" } else { "an account" };
            say(true, format!("the {what} lets in without {without} who has a link; links that are good: {links}"));
        }
        if let Some(most) = self.settings.max_in_flight {
            let now = self.in_flight.load(Relaxed).min(most);
            say(now < most, format!("the {what} takes {most} requests at once; under way: {now}"));
        }
        if !self.settings.error_pages.is_empty() {
            let errors: Vec<_> = self.settings.error_pages.keys().map(ToString::to_string).collect();
            say(true, format!("the {what} has pages of its own for errors: {}", errors.join(", ")));
        }
        (steps, None)
    }
}
