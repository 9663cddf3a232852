//! The part of a form that says where something leads.

use super::{entered::Entered, invalid};
use domain::{Redirect, RedirectStatus, TargetFields};
use server_core::CoreError;

/// What the form asks for: the fields of the chosen kind; those of others are left alone.
pub(super) fn entered(form: &Entered) -> Result<TargetFields, CoreError> {
    let none = TargetFields::default();
    Ok(match form.text("target") {
        "service" => TargetFields {
            service: Some(form.value("service")?),
            enabled_backends_tag: form.optional("enabled_backends_tag")?,
            ..none
        },
        "tunnel" => TargetFields { tunnel: Some(form.value("tunnel")?), ..none },
        "address" => TargetFields { address: Some(form.value("address")?), ..none },
        "redirect" => TargetFields { redirect: Some(redirect(form)?), ..none },
        _ => none,
    })
}

fn redirect(form: &Entered) -> Result<Redirect, CoreError> {
    let status = match form.optional::<u16>("redirect_status")? {
        Some(status) => RedirectStatus::try_from(status).map_err(|error| invalid("redirect_status", error))?,
        None => RedirectStatus::default(),
    };
    Ok(Redirect { to: form.value("redirect")?, status, keep_path: form.ticked("keep_path") })
}

/// What forms with a target say when what they name is not there.
pub(super) fn words(error: &CoreError) -> Option<(&'static str, &'static str)> {
    match error {
        CoreError::NotFound("service") => Some(("unknown_service", "service")),
        CoreError::NotFound("tunnel") => Some(("unknown_tunnel", "tunnel")),
        _ => None,
    }
}
