//! What pages say after an action. The address carries only codes, so that nobody can make a page say something.

use domain::{Email, Hostname, Subdomain, TokenName, TunnelName};
use std::fmt::Display;

/// What was done. `None` for an unknown code.
pub fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "signed_out" => "You are signed out.",
        "token_created" => "The token was created.",
        "token_rotated" => "The token has a new secret. The old one no longer works.",
        "token_revoked" => "The token was revoked, and the telephones that used it were disconnected.",
        "tunnel_created" => "The tunnel was created. Start a telephone for it with the command below.",
        "tunnel_updated" => "The tunnel's settings were saved.",
        "tunnel_paused" => "The tunnel is paused. Nothing passes until you resume it.",
        "tunnel_resumed" => "The tunnel is active again.",
        "tunnel_deleted" => "The tunnel was deleted. You can restore it as long as its subdomain is free.",
        "tunnel_restored" => "The tunnel was restored.",
        "email_changed" => "Your e-mail address was changed. Sign in with the new one from now on.",
        "password_changed" => "Your password was changed, and you were signed out everywhere else.",
        "session_ended" => "That browser was signed out.",
        "other_sessions_ended" => "All other browsers were signed out.",
        "theme_set" => "The theme was changed.",
        _ => return None,
    })
}

/// Why something was refused. `value` is what was entered into `field`, from which the reason is found again.
pub fn refusal(code: &str, field: Option<&str>, value: Option<&str>, wait: Option<u64>) -> String {
    let text = match code {
        "invalid" => return invalid(field.unwrap_or_default(), value),
        "throttled" => {
            let wait = wait.unwrap_or(60).clamp(1, 86_400);
            return format!("There were too many attempts. Try again in {}.", crate::format::span(wait as i64));
        }
        "unauthorized" => "E-mail address or password are wrong. Check both and try again.",
        "signup_closed" => {
            "Sign-up is closed on this server. Ask its administrator for an account (switchboard user add)."
        }
        "setup_code_required" => {
            "The first account needs the set-up code that the server wrote into its log when it started."
        }
        "already_set_up" => "The first account exists already. Sign in instead.",
        "email_taken" => "There is an account with this e-mail address already. Sign in, or use another address.",
        "subdomain_taken" => "This subdomain is taken. Choose another.",
        "domain_taken" => "One of these custom domains leads to another tunnel already.",
        "tunnel_deleted" => "This tunnel was deleted. Restore it first.",
        "tunnel_limit" => "You have as many tunnels as are allowed. Delete one you no longer need.",
        "token_limit" => "You have as many tokens as are allowed. Revoke one you no longer need.",
        "not_found" => "It is no longer there. Somebody may have deleted it meanwhile.",
        "unavailable" => "The database does not answer at the moment. Nothing was changed; try again shortly.",
        "passwords_differ" => "The two new passwords differ. Type the same one twice.",
        "not_signed_in" => "You were signed out meanwhile. Sign in and try again.",
        "internal" => "Something went wrong on our side. The server's log says what.",
        _ => "This was refused. Reload the page and try again.",
    };
    text.into()
}

fn invalid(field: &str, value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    let text = match field {
        "email" => reason(value.parse::<Email>()),
        "subdomain" => reason(value.parse::<Subdomain>()),
        "subdomains" => value.split_whitespace().find_map(|line| reason(line.parse::<Subdomain>())),
        "custom_domains" => value.split_whitespace().find_map(|line| reason(line.parse::<Hostname>())),
        "token_name" => reason(value.parse::<TokenName>()),
        "name" => reason(value.parse::<TunnelName>()),
        "password" | "new_password" => {
            Some("Use a password of 10 to 128 characters that is neither common nor your e-mail address.".into())
        }
        "current_password" => Some("This is not your current password.".into()),
        "scope" => Some("Name at most 50 subdomains, or none for all tunnels.".into()),
        "expires_at" => Some("Choose one of the offered lengths.".into()),
        _ => None,
    };
    text.unwrap_or_else(|| "This value is not accepted. See the rule below the field.".into())
}

/// The error's text as a sentence.
fn reason<T, E: Display>(parsed: Result<T, E>) -> Option<String> {
    let text = parsed.err()?.to_string();
    let mut letters = text.chars();
    let first = letters.next()?;
    Some(format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_say_nothing_of_their_own() {
        assert_eq!(done("<script>"), None);
        assert!(!refusal("your account was hacked", Some("x"), Some("y"), None).contains("hacked"));
    }

    #[test]
    fn the_reason_is_found_again_from_the_value() {
        let text = refusal("invalid", Some("email"), Some("ada"), None);
        assert_eq!(text, "This is not an e-mail address; it should look like name@example.com.");
        let text = refusal("invalid", Some("custom_domains"), Some("a.example\n10.0.0.1"), None);
        assert!(text.contains("IP address"), "{text}");
        assert!(refusal("throttled", None, None, Some(90)).ends_with("1 min 30 s."));
        assert!(refusal("throttled", None, None, Some(u64::MAX)).ends_with("1 d 0 h."));
    }
}
