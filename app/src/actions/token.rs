//! Tunnel tokens.

use super::{finish, invalid, signed_in};
use crate::{destination::Destination, ssr};
use chrono::Days;
use domain::{NewToken, Subdomain, Timestamp, TokenId, TokenName, TokenScope};
use leptos::prelude::*;
use server_core::{CoreError, Services, Viewer};

fn tokens() -> Destination {
    Destination::page("/web/tokens")
}

/// The days that the form offers until a token ends by itself.
pub const EXPIRY_DAYS: [u64; 4] = [7, 30, 90, 365];

/// Creates a token; the page it leads to shows the secret once.
#[server(name = CreateToken, prefix = "/web/action", endpoint = "create_token")]
pub async fn create_token(
    #[server(default)] name: String,
    #[server(default)] subdomains: String,
    #[server(default)] expires_in_days: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let form = tokens()
        .with("form", "create")
        .with_some("name", Some(&name))
        .with_some("subdomains", Some(&subdomains))
        .with_some("expires_in_days", Some(&expires_in_days));
    let result = match wanted(&name, &subdomains, &expires_in_days) {
        Ok(new) => create(&services, &viewer, new).await,
        Err(error) => Err(error),
    };
    finish(result, |id| shown(id, "token_created"), form);
    Ok(())
}

async fn create(services: &Services, viewer: &Viewer, new: NewToken) -> Result<TokenId, CoreError> {
    let (token, secret) = services.tokens().create(viewer, new).await?;
    services.tokens().keep_for_reveal(viewer, token.id, secret);
    Ok(token.id)
}

fn shown(id: TokenId, done: &str) -> Destination {
    tokens().with("done", done).with("created", &id.to_string())
}

fn wanted(name: &str, subdomains: &str, expires_in_days: &str) -> Result<NewToken, CoreError> {
    let name = name.parse::<TokenName>().map_err(|error| invalid("token_name", error))?;
    let subdomains = subdomains
        .split_whitespace()
        .map(str::parse::<Subdomain>)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid("subdomains", error))?;
    let scope = if subdomains.is_empty() { TokenScope::AllTunnels } else { TokenScope::Subdomains { subdomains } };
    Ok(NewToken { name, scope, expires_at: expiry(expires_in_days, ssr::now())? })
}

fn expiry(days: &str, now: Timestamp) -> Result<Option<Timestamp>, CoreError> {
    if days.is_empty() {
        return Ok(None);
    }
    let days = days.parse().ok().filter(|days| EXPIRY_DAYS.contains(days));
    let end = days.and_then(|days| now.checked_add_days(Days::new(days)));
    end.map(Some).ok_or_else(|| invalid("expires_at", "not one of the offered days"))
}

/// Gives a token a new secret; the old one ends at once.
#[server(name = RotateToken, prefix = "/web/action", endpoint = "rotate_token")]
pub async fn rotate_token(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let result = async {
        let id = id.parse::<TokenId>().map_err(|error| invalid("id", error))?;
        let (token, secret) = services.tokens().rotate(&viewer, id).await?;
        services.tokens().keep_for_reveal(&viewer, token.id, secret);
        Ok(token.id)
    };
    finish(result.await, |id| shown(id, "token_rotated"), tokens());
    Ok(())
}

/// Ends a token and disconnects the telephones that use it.
#[server(name = RevokeToken, prefix = "/web/action", endpoint = "revoke_token")]
pub async fn revoke_token(#[server(default)] id: String) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let result = match id.parse::<TokenId>() {
        Ok(id) => services.tokens().revoke(&viewer, id).await,
        Err(error) => Err(invalid("id", error)),
    };
    finish(result, |()| tokens().with("done", "token_revoked"), tokens());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_no_subdomain_is_for_all() {
        let new = wanted("laptop", " ", "").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((new.scope, new.expires_at), (TokenScope::AllTunnels, None));
        let new = wanted("laptop", "shop\r\nblog", "30").unwrap_or_else(|error| panic!("{error}"));
        let TokenScope::Subdomains { subdomains } = new.scope else { panic!("{:?}", new.scope) };
        assert_eq!(subdomains.len(), 2);
        assert!(new.expires_at.is_some());
    }

    #[test]
    fn what_the_form_does_not_offer_is_refused() {
        for (name, subdomains, days) in [("", "", ""), ("a", "-", ""), ("a", "", "-1"), ("a", "", "99999999999")] {
            assert!(wanted(name, subdomains, days).is_err(), "{name} {subdomains} {days}");
        }
    }
}
