//! What stands in front of a tunnel, a domain or a route.

use super::{entered::Entered, finish, invalid, refuse, signed_in};
use crate::{destination::Destination, pages::Place};
use domain::{BasicAuth, BasicUser, Email, Front, FrontSignIn, LetIn, Maintenance, Network, NewShareLink, PageFor};
use leptos::prelude::*;
use server_core::{CoreError, Expected, Inspected};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

/// The page of a form's subject.
fn page_of(of: &str) -> Option<(Inspected, Destination)> {
    let of = Place::named(of)?;
    let place = Place { of, name: String::new(), url: None };
    Some((of, Destination::page(format!("/web{}/front", place.path()))))
}

/// What stands there from now on.
#[server(name = SetFront, prefix = "/web/action", endpoint = "set_front")]
pub async fn set_front(#[server(default)] of: String, #[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((of, page)) = page_of(&of) else {
        refuse(Destination::page("/web"), &CoreError::NotFound("page"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = async {
        let before = services.front(&viewer, of).await?;
        services.set_front(&viewer, of, front(&form, before)?, form.expected()).await.map_err(in_form)
    };
    let result = result.await;
    // What was emptied comes back as that: without it, the field would show what is there.
    let back = form.back(page.clone(), "front", &result).await;
    let back = emptied_pages(&form).into_iter().fold(back, |back, of| back.with(&page_field(of), ""));
    finish(result, |_| page.clone().with("done", "front_set"), back);
    Ok(())
}

/// Everything passes again.
#[server(name = OpenFront, prefix = "/web/action", endpoint = "open_front")]
pub async fn open_front(#[server(default)] of: String) -> Result<(), ServerFnError> {
    let Some((of, page)) = page_of(&of) else {
        refuse(Destination::page("/web"), &CoreError::NotFound("page"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = services.set_front(&viewer, of, Front::default(), Expected::Anything).await;
    finish(result, |_| page.clone().with("done", "front_set"), page.clone());
    Ok(())
}

/// How long a link may be good, as the form offers it: seconds, and in words.
pub const LINK_LIVES: [(u32, &str); 4] =
    [(3_600, "an hour"), (86_400, "a day"), (604_800, "a week"), (2_592_000, "30 days")];

/// Makes a link; the page shows it once.
#[server(name = MakeLink, prefix = "/web/action", endpoint = "make_link")]
pub async fn make_link(
    #[server(default)] of: String,
    #[server(default)] link_name: String,
    #[server(default)] expires_in: String,
) -> Result<(), ServerFnError> {
    let Some((of, page)) = page_of(&of) else {
        refuse(Destination::page("/web"), &CoreError::NotFound("page"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let back = page.clone().with("form", "link").with_some("link_name", Some(&link_name));
    let result = async {
        let name = link_name.parse().map_err(|error| invalid("link_name", error))?;
        let expires_in = expires_in.parse().map_err(|error| invalid("expires_in", error))?;
        let (_, secret) = services.share(&viewer, of, NewShareLink { name, expires_in }).await?;
        services.keep_link_for_reveal(&viewer, of, secret);
        Ok(())
    };
    finish(result.await, |()| page.clone().with("done", "link_made"), back);
    Ok(())
}

/// Ends a link.
#[server(name = EndLink, prefix = "/web/action", endpoint = "end_link")]
pub async fn end_link(
    #[server(default)] of: String,
    #[server(default)] link_name: String,
) -> Result<(), ServerFnError> {
    let Some((of, page)) = page_of(&of) else {
        refuse(Destination::page("/web"), &CoreError::NotFound("page"));
        return Ok(());
    };
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let result = async {
        let name = link_name.parse().map_err(|error| invalid("link_name", error))?;
        services.end_share(&viewer, of, &name).await
    };
    finish(result.await, |()| page.clone().with("done", "link_ended"), page.clone());
    Ok(())
}

/// What was entered.
fn front(form: &Entered, before: Front) -> Result<Front, CoreError> {
    let maintenance = Maintenance {
        message: form.optional("maintenance_message")?,
        retry_after_seconds: form.optional("retry_after_seconds")?,
    };
    Ok(Front {
        allow: networks(form, "allow")?,
        deny: networks(form, "deny")?,
        maintenance: form.ticked("maintenance").then_some(maintenance),
        header_limit: form.optional("max_headers")?,
        body_limit: form.optional("max_body")?,
        rate_limits: parsed_lines(form, "rate_limits")?,
        bandwidth: parsed_lines(form, "bandwidth")?,
        max_in_flight: form.optional("most_at_once")?,
        basic_auth: passwords(form)?,
        sign_in: sign_in(form)?,
        share_links: before.share_links.clone(),
        error_pages: pages(form, before)?,
    })
}

/// Who is let in with an account; a list that is not meant is left out.
fn sign_in(form: &Entered) -> Result<Option<FrontSignIn>, CoreError> {
    let who = match form.text("sign_in") {
        "" => return Ok(None),
        "anybody" => LetIn::Anybody,
        _ => LetIn::Listed,
    };
    let accounts = if who == LetIn::Listed { accounts(form)? } else { Vec::new() };
    Ok(Some(FrontSignIn { who, accounts, ids: Vec::new() }))
}

fn accounts(form: &Entered) -> Result<Vec<Email>, CoreError> {
    let items = form.text("accounts").split([',', ' ', '\n', '\r', '\t']).filter(|item| !item.is_empty());
    items.map(|item| item.parse().map_err(|error| invalid("accounts", error))).collect()
}

/// The form's own name for a field.
fn in_form(error: CoreError) -> CoreError {
    match error {
        CoreError::Invalid { field: "header_limit", message } => CoreError::Invalid { field: "max_headers", message },
        CoreError::Invalid { field: "body_limit", message } => CoreError::Invalid { field: "max_body", message },
        CoreError::Invalid { field: "max_in_flight", message } => CoreError::Invalid { field: "most_at_once", message },
        CoreError::Invalid { field: "basic_auth", message } => CoreError::Invalid { field: "basic_users", message },
        CoreError::Invalid { field: "sign_in", message } => CoreError::Invalid { field: "accounts", message },
        other => other,
    }
}

fn networks(form: &Entered, name: &'static str) -> Result<Vec<Network>, CoreError> {
    let items = form.text(name).split([',', ' ', '\n', '\r', '\t']).filter(|item| !item.is_empty());
    items.map(|item| item.parse().map_err(|error| invalid(name, error))).collect()
}

/// What each line of a field says.
fn parsed_lines<T: FromStr<Err: Display>>(form: &Entered, name: &'static str) -> Result<Vec<T>, CoreError> {
    let lines = form.text(name).lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.parse().map_err(|error| invalid(name, error))).collect()
}

/// `name: password`, or a name whose password stays.
fn passwords(form: &Entered) -> Result<Option<BasicAuth>, CoreError> {
    let lines = form.text("basic_users").lines().map(str::trim).filter(|line| !line.is_empty());
    let user = |line: &str| {
        let (name, password) =
            line.split_once(':').map_or((line, None), |(name, password)| (name, Some(password.trim())));
        Ok(BasicUser {
            name: name.parse().map_err(|error| invalid("basic_users", error))?,
            password: password
                .map(|password| password.parse().map_err(|error| invalid("basic_users", error)))
                .transpose()?,
        })
    };
    let users = lines.map(user).collect::<Result<Vec<_>, CoreError>>()?;
    if users.is_empty() {
        return Ok(None);
    }
    Ok(Some(BasicAuth { realm: form.optional("realm")?, users }))
}

/// What the names of the fields for error pages begin with.
const PAGE: &str = "page_";

/// The name of the field for an error page.
pub fn page_field(of: PageFor) -> String {
    format!("{PAGE}{of}")
}

/// What the page is for that a field of this name has, if it has one.
pub fn page_of_field(name: &str) -> Option<PageFor> {
    name.strip_prefix(PAGE)?.parse().ok()
}

fn entered_pages(form: &Entered) -> impl Iterator<Item = (PageFor, &str)> {
    form.beginning(PAGE).filter_map(|(of, page)| Some((of.parse().ok()?, page)))
}

fn emptied_pages(form: &Entered) -> BTreeSet<PageFor> {
    entered_pages(form).filter(|(_, page)| page.is_empty()).map(|(of, _)| of).collect()
}

/// Pages for which the form has a field are what it says, nothing if that is empty, and others stay. One more may be added.
fn pages(form: &Entered, before: Front) -> Result<BTreeMap<PageFor, String>, CoreError> {
    let mut pages = before.error_pages;
    for (of, page) in entered_pages(form) {
        if page.is_empty() {
            pages.remove(&of);
        } else {
            pages.insert(of, page.to_owned());
        }
    }
    match (form.optional("page_new_for")?, form.filled("page_new")) {
        (None, None) => {}
        (Some(of), Some(_)) if pages.contains_key(&of) => {
            return Err(invalid("page_new_for", "there is a page for it already"));
        }
        (Some(of), Some(page)) => drop(pages.insert(of, page.to_owned())),
        (Some(_), None) => return Err(invalid("page_new", "there is nothing in it")),
        (None, Some(_)) => return Err(invalid("page_new_for", "it has to be for something")),
    }
    Ok(pages)
}
