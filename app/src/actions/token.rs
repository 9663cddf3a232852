//! Tunnel tokens.

use super::{finish, invalid, signed_in};
use crate::{destination::Destination, ssr};
use chrono::Days;
use domain::{NewShortToken, NewToken, Rotation, Timestamp, TokenId, TokenName, TokenScope};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Services, Viewer};
use std::{fmt::Display, str::FromStr};

fn tokens() -> Destination {
    Destination::page("/web/tokens")
}

/// The days that the form offers until a token ends by itself.
pub const EXPIRY_DAYS: [u64; 4] = [7, 30, 90, 365];

/// How long the old secret may stay good when a token gets another, as the form offers it: seconds, and in words.
pub const OVERLAPS: [(u32, &str); 4] =
    [(0, "ends at once"), (3_600, "is good for another hour"), (86_400, "for another day"), (604_800, "for a week")];

/// How long a short-lived token may be good, as the form offers it: seconds, and in words.
pub const SHORT_LIVES: [(u32, &str); 3] = [(900, "15 minutes"), (3_600, "an hour"), (86_400, "a day")];

/// Creates a token; the page it leads to shows the secret once.
#[server(name = CreateToken, prefix = "/web/action", endpoint = "create_token")]
pub async fn create_token(
    #[server(default)] name: String,
    #[server(flatten)] limits: Limits,
    #[server(default)] expires_in_days: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let form = tokens()
        .with("form", "create")
        .with_some("name", Some(&name))
        .with_some("subdomains", Some(&limits.subdomains))
        .with_some("hosts", Some(&limits.hosts))
        .with_some("paths", Some(&limits.paths))
        .with_some("tags", Some(&limits.tags))
        .with_some("networks", Some(&limits.networks))
        .with_some("max_sessions", Some(&limits.max_sessions))
        .with_some("rate_limit", Some(&limits.rate_limit))
        .with_some("expires_in_days", Some(&expires_in_days));
    let result = match wanted(&name, &limits, &expires_in_days) {
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

/// What the form says that a token is limited to; lists have an entry a line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    subdomains: String,
    hosts: String,
    paths: String,
    tags: String,
    networks: String,
    max_sessions: String,
    rate_limit: String,
}

impl Limits {
    fn scope(&self) -> Result<TokenScope, CoreError> {
        Ok(TokenScope {
            subdomains: listed(&self.subdomains, "subdomains")?,
            hosts: listed(&self.hosts, "hosts")?,
            paths: listed(&self.paths, "paths")?,
            tags: listed(&self.tags, "tags")?,
            networks: listed(&self.networks, "networks")?,
            max_sessions: match self.max_sessions.trim() {
                "" => None,
                number => Some(number.parse().map_err(|error| invalid("max_sessions", error))?),
            },
            rate_limit: match self.rate_limit.trim() {
                "" => None,
                limit => Some(limit.parse().map_err(|error| invalid("rate_limit", error))?),
            },
        })
    }
}

/// The entries of a list; of an empty one, no limit.
fn listed<T: FromStr<Err: Display>>(text: &str, field: &'static str) -> Result<Option<Vec<T>>, CoreError> {
    let entries: Result<Vec<T>, _> = text.split_whitespace().map(str::parse).collect();
    let entries = entries.map_err(|error| invalid(field, error))?;
    Ok((!entries.is_empty()).then_some(entries))
}

fn wanted(name: &str, limits: &Limits, expires_in_days: &str) -> Result<NewToken, CoreError> {
    let name = name.parse::<TokenName>().map_err(|error| invalid("token_name", error))?;
    Ok(NewToken { name, scope: limits.scope()?, expires_at: expiry(expires_in_days, ssr::now())? })
}

pub(super) fn expiry(days: &str, now: Timestamp) -> Result<Option<Timestamp>, CoreError> {
    if days.is_empty() {
        return Ok(None);
    }
    let days = days.parse().ok().filter(|days| EXPIRY_DAYS.contains(days));
    let end = days.and_then(|days| now.checked_add_days(Days::new(days)));
    end.map(Some).ok_or_else(|| invalid("expires_at", "not one of the offered days"))
}

/// Gives a token a new secret; the old one ends at once, or later.
#[server(name = RotateToken, prefix = "/web/action", endpoint = "rotate_token")]
pub async fn rotate_token(
    #[server(default)] id: String,
    #[server(default)] overlap_seconds: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let result = async {
        let id = id.parse::<TokenId>().map_err(|error| invalid("id", error))?;
        let overlap_seconds = match overlap_seconds.as_str() {
            "" => 0,
            seconds => seconds.parse().map_err(|error| invalid("overlap_seconds", error))?,
        };
        let (token, secret) = services.tokens().rotate(&viewer, id, Rotation { overlap_seconds }).await?;
        services.tokens().keep_for_reveal(&viewer, token.id, secret);
        Ok((token.id, if overlap_seconds > 0 { "token_rotated_later" } else { "token_rotated" }))
    };
    finish(result.await, |(id, done)| shown(id, done), tokens());
    Ok(())
}

/// Exchanges a token for a short-lived one, which the page shows once.
#[server(name = ExchangeToken, prefix = "/web/action", endpoint = "exchange_token")]
pub async fn exchange_token(
    #[server(default)] id: String,
    #[server(default)] expires_in: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&tokens()) else { return Ok(()) };
    let result = async {
        let id = id.parse::<TokenId>().map_err(|error| invalid("id", error))?;
        let expires_in = expires_in.parse().map_err(|error| invalid("expires_in", error))?;
        let new = NewShortToken { expires_in, ..NewShortToken::default() };
        let short = services.tokens().exchange(&viewer, id, new).await?;
        services.tokens().keep_for_reveal(&viewer, id, short.secret);
        Ok(id)
    };
    finish(result.await, |id| shown(id, "token_exchanged"), tokens());
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

    fn lists(subdomains: &str) -> Limits {
        Limits { subdomains: subdomains.into(), ..Limits::default() }
    }

    #[test]
    fn what_is_not_listed_is_no_limit() {
        let new = wanted("laptop", &lists(" "), "").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((new.scope, new.expires_at), (TokenScope::default(), None));
        let places = Limits { hosts: "a.test\r\n*.b.test".into(), tags: "blue".into(), ..lists("shop\r\nblog") };
        let new = wanted("laptop", &places, "30").unwrap_or_else(|error| panic!("{error}"));
        let lengths = (new.scope.subdomains.map(|list| list.len()), new.scope.hosts.map(|list| list.len()));
        assert_eq!((lengths, new.scope.paths), ((Some(2), Some(2)), None));
        assert!(new.expires_at.is_some());
    }

    #[test]
    fn what_the_form_does_not_offer_is_refused() {
        for (name, subdomains, days) in [("", "", ""), ("a", "-", ""), ("a", "", "-1"), ("a", "", "99999999999")] {
            assert!(wanted(name, &lists(subdomains), days).is_err(), "{name} {subdomains} {days}");
        }
        for wrong in [
            Limits { hosts: "a.*".into(), ..lists("") },
            Limits { paths: "x".into(), ..lists("") },
            Limits { networks: "10.0.0.0/33".into(), ..lists("") },
            Limits { max_sessions: "-1".into(), ..lists("") },
            Limits { rate_limit: "0/1".into(), ..lists("") },
        ] {
            assert!(wanted("a", &wrong, "").is_err());
        }
    }
}
