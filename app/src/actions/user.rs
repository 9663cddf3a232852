//! Everybody's accounts, for administrators; and the links by which people get in.

use super::{expected, finish, invalid, refuse, sign_in, signed_in};
use crate::{destination::Destination, ssr};
use domain::{InvitationId, Role, UserId};
use leptos::prelude::*;
use server_core::{AccountPatch, CoreError, Expected, HandedLink, Services, Viewer};

fn users() -> Destination {
    Destination::page("/web/users")
}

fn user(id: UserId) -> Destination {
    Destination::page(format!("/web/users/{id}"))
}

/// The hours that the form offers until an invitation ends, with the words for them.
pub const INVITATION_HOURS: [(u32, &str); 4] = [(24, "a day"), (72, "three days"), (168, "a week"), (720, "30 days")];

/// To the page that shows a new link once.
fn shown(services: &Services, viewer: &Viewer, link: HandedLink, page: Destination) -> Destination {
    let id = services.accounts().keep_for_reveal(viewer, link);
    page.with("link", &id.to_string())
}

/// Invites somebody; the page it leads to shows the link once.
#[server(name = InviteUser, prefix = "/web/action", endpoint = "invite_user")]
pub async fn invite_user(
    #[server(default)] email: String,
    #[server(default)] role: String,
    #[server(default)] expires_in_hours: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&users()) else { return Ok(()) };
    let form = users()
        .with("form", "invite")
        .with_some("email", Some(&email))
        .with_some("role", Some(&role))
        .with_some("expires_in_hours", Some(&expires_in_hours));
    let result = async {
        let role = role.parse::<Role>().map_err(|error| invalid("role", error))?;
        let hours = expires_in_hours.parse().map_err(|error| invalid("expires_in_hours", error))?;
        services.accounts().invite(&viewer, &email, role, hours).await
    };
    let done = |(_, link)| shown(&services, &viewer, link, users().with("done", "user_invited"));
    finish(result.await, done, form);
    Ok(())
}

/// Takes an invitation back.
#[server(name = WithdrawInvitation, prefix = "/web/action", endpoint = "withdraw_invitation")]
pub async fn withdraw_invitation(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&users()) else { return Ok(()) };
    let result = match id.parse::<InvitationId>() {
        Ok(id) => services.accounts().withdraw(&viewer, id).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| users().with("done", "invitation_withdrawn"), users());
    Ok(())
}

/// Makes somebody an administrator or a member.
#[server(name = SetUserRole, prefix = "/web/action", endpoint = "set_user_role")]
pub async fn set_user_role(
    #[server(default)] id: String,
    #[server(default)] role: String,
) -> Result<(), ServerFnError> {
    change(&id, async |services, viewer, id| {
        let role = role.parse::<Role>().map_err(|error| invalid("role", error))?;
        let patch = AccountPatch { role: Some(role), ..AccountPatch::default() };
        services.accounts().update(viewer, id, patch, &Expected::Anything).await?;
        // Another role of one's own has ended this session, too.
        let signed_out = id == viewer.id() && role != viewer.user().role;
        Ok(if signed_out {
            Destination::page("/web/login").with("done", "own_role_set")
        } else {
            user(id).with("done", "role_set")
        })
    })
    .await;
    Ok(())
}

/// Says how many requests may come to what somebody has.
#[server(name = SetUserLimit, prefix = "/web/action", endpoint = "set_user_limit")]
pub async fn set_user_limit(
    #[server(default)] id: String,
    #[server(default)] rate_limit: String,
    #[server(default)] version: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&users()) else { return Ok(()) };
    let Ok(id) = id.parse::<UserId>() else {
        refuse(users(), &CoreError::NotFound("account"));
        return Ok(());
    };
    let form = user(id).with("form", "limit").with_some("rate_limit", Some(&rate_limit));
    let limit = match rate_limit.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error| invalid("rate_limit", error)),
    };
    let result = match limit {
        Ok(limit) => {
            let patch = AccountPatch { rate_limit: Some(limit), ..AccountPatch::default() };
            services.accounts().update(&viewer, id, patch, &expected(&version)).await
        }
        Err(error) => Err(error),
    };
    finish(result, |_| user(id).with("done", "limit_set"), form);
    Ok(())
}

/// Lets nobody in with an account any more.
#[server(name = DeactivateUser, prefix = "/web/action", endpoint = "deactivate_user")]
pub async fn deactivate_user(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change(&id, async |services, viewer, id| {
        services.accounts().deactivate(viewer, id).await.map(|_| user(id).with("done", "user_deactivated"))
    })
    .await;
    Ok(())
}

/// Takes a deactivation back.
#[server(name = ReactivateUser, prefix = "/web/action", endpoint = "reactivate_user")]
pub async fn reactivate_user(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change(&id, async |services, viewer, id| {
        services.accounts().reactivate(viewer, id).await.map(|_| user(id).with("done", "user_reactivated"))
    })
    .await;
    Ok(())
}

/// Does something to an account, and goes to the page that says so; where it is refused, to the account's.
async fn change(id: &str, act: impl AsyncFnOnce(&Services, &Viewer, UserId) -> Result<Destination, CoreError>) {
    let Some((services, _, viewer)) = signed_in(&users()) else { return };
    match id.parse::<UserId>() {
        Ok(id) => finish(act(&services, &viewer, id).await, |page| page, user(id)),
        Err(error) => refuse(users(), &invalid("id", error)),
    }
}

/// Deletes an account.
#[server(name = DeleteUser, prefix = "/web/action", endpoint = "delete_user")]
pub async fn delete_user(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&users()) else { return Ok(()) };
    match id.parse::<UserId>() {
        Ok(id) => {
            let result = services.accounts().delete(&viewer, id, &Expected::Anything).await;
            finish(result, |()| users().with("done", "user_deleted"), user(id));
        }
        Err(error) => refuse(users(), &invalid("id", error)),
    }
    Ok(())
}

/// Makes a link to choose a new password; the page it leads to shows it once.
#[server(name = OfferReset, prefix = "/web/action", endpoint = "offer_reset")]
pub async fn offer_reset(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&users()) else { return Ok(()) };
    match id.parse::<UserId>() {
        Ok(id) => {
            let result = services.accounts().offer_reset(&viewer, id).await;
            let done = |link| shown(&services, &viewer, link, user(id).with("done", "reset_offered"));
            finish(result, done, user(id));
        }
        Err(error) => refuse(users(), &invalid("id", error)),
    }
    Ok(())
}

/// Makes the account that an invitation offers, and signs in to it.
#[server(name = AcceptInvitation, prefix = "/web/action", endpoint = "accept_invitation")]
pub async fn accept_invitation(
    #[server(default)] token: String,
    #[server(default)] password: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let viewer = services.accounts().accept(&token, &password, request.client).await;
    let form = Destination::page("/web/invitation").with_some("token", Some(&token));
    sign_in::enter_new(&services, &request, viewer, form).await;
    Ok(())
}

/// Sets a new password by a link.
#[server(name = ResetPassword, prefix = "/web/action", endpoint = "reset_password")]
pub async fn reset_password(
    #[server(default)] token: String,
    #[server(default)] password: String,
) -> Result<(), ServerFnError> {
    let (Some(services), Some(request)) = (ssr::services(), ssr::request()) else { return Ok(()) };
    let result = services.accounts().reset_password(&token, &password, request.client).await;
    let form = Destination::page("/web/reset").with_some("token", Some(&token));
    finish(result, |()| Destination::page("/web/login").with("done", "password_reset"), form);
    Ok(())
}
