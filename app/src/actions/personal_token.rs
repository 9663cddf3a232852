//! Personal tokens.

use super::{finish, invalid, signed_in, token::expiry};
use crate::{destination::Destination, ssr};
use domain::{ApiScope, NewPersonalToken, PersonalTokenId, TokenName};
use leptos::prelude::*;
use server_core::{CoreError, Services, Viewer};

fn settings() -> Destination {
    Destination::page("/web/settings")
}

/// Creates a personal token; the page it leads to shows the secret once.
#[server(name = CreatePersonalToken, prefix = "/web/action", endpoint = "create_personal_token")]
pub async fn create_personal_token(
    #[server(default)] name: String,
    #[server(default)] read: Option<String>,
    #[server(default)] write: Option<String>,
    #[server(default)] tunnels: Option<String>,
    #[server(default)] admin: Option<String>,
    #[server(default)] expires_in_days: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let form = settings()
        .with("form", "personal_token")
        .with_some("name", Some(&name))
        .with_some("read", read.as_deref())
        .with_some("write", write.as_deref())
        .with_some("tunnels", tunnels.as_deref())
        .with_some("admin", admin.as_deref())
        .with_some("expires_in_days", Some(&expires_in_days));
    let ticked = ApiScope::ALL.into_iter().zip([read, write, tunnels, admin]);
    let scopes = ticked.filter_map(|(scope, tick)| tick.map(|_| scope)).collect();
    let result = async {
        let name = name.parse::<TokenName>().map_err(|error| invalid("token_name", error))?;
        let expires_at = expiry(&expires_in_days, ssr::now())?;
        create(&services, &viewer, NewPersonalToken { name, scopes, expires_at }).await
    };
    let shown =
        |id: PersonalTokenId| settings().with("done", "personal_token_created").with("created", &id.to_string());
    finish(result.await, shown, form);
    Ok(())
}

async fn create(services: &Services, viewer: &Viewer, new: NewPersonalToken) -> Result<PersonalTokenId, CoreError> {
    let (token, secret) = services.personal_tokens().create(viewer, new).await?;
    services.personal_tokens().keep_for_reveal(viewer, token.id, secret);
    Ok(token.id)
}

/// Ends a personal token.
#[server(name = RevokePersonalToken, prefix = "/web/action", endpoint = "revoke_personal_token")]
pub async fn revoke_personal_token(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&settings()) else { return Ok(()) };
    let result = match id.parse::<PersonalTokenId>() {
        Ok(id) => services.personal_tokens().revoke(&viewer, id).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| settings().with("done", "personal_token_revoked"), settings());
    Ok(())
}
