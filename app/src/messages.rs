//! What pages say after an action. The address carries only codes, so that nobody can make a page say something.

use crate::actions::rules;
use domain::{
    AlertName, BackendAddress, BackendName, Bandwidth, BasicName, CheckPath, Email, FieldName, HostPattern,
    HostRewrite, Hostname, Message, MountPath, Network, PageFor, RateLimit, Realm, RedirectTo, RegionName, RequestRate,
    Route, ServiceName, Statuses, Subdomain, Tag, TokenName, TunnelName, WebhookUrl,
};
use std::fmt::Display;

/// What was done. `None` for an unknown code.
pub fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "signed_out" => "You are signed out.",
        "token_created" => "The token was created.",
        "token_rotated" => "The token has a new secret. The old one no longer works.",
        "token_rotated_later" => {
            "The token has a new secret. The old one stays good for a time; the list says for how long."
        }
        "token_exchanged" => "The token was exchanged for a short-lived one.",
        "link_made" => "The link was made.",
        "link_ended" => "The link has ended. Whoever came in by it is asked for the password again.",
        "token_revoked" => "The token was revoked, and the telephones that used it were disconnected.",
        "personal_token_created" => "The personal token was created.",
        "personal_token_revoked" => "The personal token was revoked. Programs that use it are refused from now on.",
        "tunnel_created" => "The tunnel was created. Start a telephone for it with the command below.",
        "tunnel_updated" => "The tunnel's settings were saved.",
        "tunnel_paused" => "The tunnel is paused. Nothing passes until you resume it.",
        "tunnel_resumed" => "The tunnel is active again.",
        "tunnel_deleted" => "The tunnel was deleted. You can restore it as long as its subdomain is free.",
        "tunnel_restored" => "The tunnel was restored.",
        "email_changed" => "Your e-mail address was changed. Sign in with the new one from now on.",
        "password_changed" => "Your password was changed, and you were signed out everywhere else.",
        "session_ended" => "That browser was signed out.",
        "program_ended" => "That program was signed out.",
        "programs_ended" => "All programs were signed out.",
        "other_sessions_ended" => "All other browsers were signed out.",
        "domain_created" => "The domain was added.",
        "domain_updated" => "The domain's settings were saved.",
        "domain_deleted" => "The domain was deleted, with its routes.",
        "domain_restored" => "The domain was restored, with its routes.",
        "domain_verified" => "The domain is verified. It serves from now on.",
        "domain_waiting" => "Not verified yet: nothing shows that the domain is yours. What was found is told below.",
        "route_created" => "The route was added.",
        "route_updated" => "The route's settings were saved.",
        "route_enabled" => "The route serves again.",
        "route_disabled" => "The route is kept, but does not serve until you enable it.",
        "route_deleted" => "The route was deleted.",
        "route_restored" => "The route was restored.",
        "service_created" => "The service was created. Add its backends below.",
        "service_updated" => "The service's settings were saved.",
        "service_deleted" => "The service was deleted, with its backends.",
        "service_restored" => "The service was restored, with its backends.",
        "backend_created" => "The backend is in the pool.",
        "backend_updated" => "The backend's settings were saved.",
        "backend_running" => "The backend runs: it gets its share of requests.",
        "backend_draining" => "The backend finishes what it has and gets nothing new.",
        "backend_stopped" => "The backend is not used any more.",
        "backend_deleted" => "The backend was deleted.",
        "backend_restored" => "The backend was restored.",
        "tag_switched" => "The tag was switched. New requests go to the backends that carry it.",
        "switch_watched" => {
            "The tag was switched. New requests go to the backends that carry it, and back when a limit is crossed."
        }
        "switch_started" => {
            "The switch has begun. It goes on by itself, and goes back by itself when a limit is crossed."
        }
        "region_created" => "The region was added.",
        "region_updated" => "The region was saved.",
        "region_deleted" => "The region was deleted.",
        "region_restored" => "The region was restored.",
        "revision_restored" => "It was put back. That is the newest change now.",
        "replayed" => "The request was sent again. What has come of it is below.",
        "replayed_without" => {
            "The request was sent again, without the header fields whose values were masked when it was captured."
        }
        "replay_not_recorded" => {
            "The request was sent again. What came of it was not captured; see the recorder's state."
        }
        "request_deleted" => "What was kept of the request was deleted.",
        "requests_deleted" => "What was kept of these requests was deleted.",
        "capture_set" => "Saved. It holds for requests from now on.",
        "front_set" => "Saved. Requests that come from now on have to pass it.",
        "alert_created" => "The alert was made. It is looked after from now on.",
        "alert_updated" => "The alert's settings were saved.",
        "alert_deleted" => "The alert was deleted. What it has told stays in the history.",
        "alert_tested" => "A test notice is on its way. The history tells whether it arrived.",
        "alert_rotated" => "The alert has a new secret. Notices are signed with it from now on.",
        "user_invited" => "The invitation was made. Hand the link below to whom it is for.",
        "invitation_withdrawn" => "The invitation was withdrawn. Its link no longer works.",
        "role_set" => "The role was changed.",
        "own_role_set" => "Your role was changed, which has signed you out everywhere. Sign in again to go on.",
        "limit_set" => "The limit was saved. It holds from now on.",
        "user_deactivated" => {
            "The account is deactivated: it is signed out everywhere, its telephones are disconnected."
        }
        "user_reactivated" => "The account can be used again.",
        "user_deleted" => "The account was deleted.",
        "reset_offered" => "The link below leads to a form for a new password. Hand it to the account's owner.",
        "password_reset" => "Your password was changed. Sign in with the new one.",
        "account_made" => "The account was made. Sign in to it.",
        "second_factor_on" => "The second factor is on. Keep the recovery codes below.",
        "codes_renewed" => "You have new recovery codes. The old ones no longer work.",
        "second_factor_off" => "The second factor is off. You sign in with the password alone.",
        "second_factor_reset" => "The second factor was turned off. The account signs in with the password alone.",
        "second_factor_required" => "Everybody needs a second factor now. Who has none was signed out and sets one up.",
        "second_factor_optional" => "A second factor is everybody's own choice now.",
        "identity_linked" => "The sign-in is connected. You can use it from now on.",
        "identity_unlinked" => "The sign-in is disconnected. It does not get into your account any more.",
        "theme_set" => "The theme was changed.",
        _ => return None,
    })
}

/// Whether that code is of something that was done and is not enough: the person has to do more.
pub fn waits(code: &str) -> bool {
    code == "domain_waiting"
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
        "signup_closed" => "Sign-up is closed on this server. Ask its administrator for an invitation.",
        "setup_code_required" => {
            "The first account needs the set-up code that the server wrote into its log when it started."
        }
        "already_set_up" => "The first account exists already. Sign in instead.",
        "email_taken" => "There is an account with this e-mail address already. Sign in, or use another address.",
        "subdomain_taken" => "This subdomain is taken. Choose another.",
        "domain_taken" if field == Some("domain") => {
            "This domain is taken. If it is yours by right, ask this server's administrator."
        }
        "domain_taken" => "One of these custom domains leads to another tunnel already.",
        "tunnel_deleted" => "This tunnel was deleted. Restore it first.",
        "reserved_host" => {
            "This name belongs to the server itself: to its dashboard, or to the domain under which it makes tunnels."
        }
        "reserved_mount" => "The dashboard needs this path on its host. Choose another, or another domain.",
        "mount_overlaps" => "Another route of this host is in the way: a mount cannot lie under another.",
        "unknown_tag" => "No backend of this service carries this tag. Give it to one first.",
        "unknown_service" => "There is no such service. Create it first, or choose another.",
        "unknown_tunnel" => "There is no such tunnel. Give the subdomain of one that exists.",
        "unknown_domain" => "There is no such domain. Add it first, or choose another.",
        "admin_only_any_host" => "Only an administrator makes routes on any host. Name one of your domains.",
        "oidc_away" => {
            "The provider does not answer as it should at the moment. Try again in a moment, or sign in with your password; the server's log says what is wrong."
        }
        "oidc_refused" => {
            "The provider did not confirm this sign-in. Begin again; if it stays so, ask this server's administrator: its log says what is wrong."
        }
        "oidc_declined" => {
            "You did not sign in at the provider, or it did not let you through. Begin again, or sign in with your password."
        }
        "oidc_untrusted" => {
            "What the provider has answered cannot be trusted, so nobody was signed in. Tell this server's administrator: its log says what is wrong."
        }
        "no_account" => {
            "No account here is connected with this sign-in. Sign in with your password and connect it in the settings, or ask an administrator for an invitation."
        }
        "email_unverified" => {
            "The provider has not verified your e-mail address, which an account here needs. Have it do that, and try again."
        }
        "email_domain" => {
            "Addresses of your domain do not get an account here by themselves. Ask an administrator for an invitation."
        }
        "link_first" => {
            "There is an account with your e-mail address. Sign in to it with its password, and connect this sign-in in the settings."
        }
        "account_closed" => "This account is deactivated. Ask an administrator of this server.",
        "identity_taken" => "This sign-in is connected with another account, or yours is connected already.",
        "only_way_in" => "This is the only way into your account. Set a password first.",
        "no_provider" => "This server has no provider of sign-ins.",
        "wrong_code" => {
            "This code is wrong, was used before, or came too late. Wait for the next one, or begin again below."
        }
        "sign_in_ended" => "This sign-in took too long, or was ended. Begin again.",
        "second_factor_on" => "There is a second factor already. Turn it off first.",
        "no_second_factor" => "There is no second factor.",
        "second_factor_required" => "Everybody needs a second factor on this server.",
        "second_factor_first" => "Set up your own second factor first, so that you are not signed out by this.",
        "enrolment_ended" => "This took too long. Begin again with the new seed below.",
        "last_administrator" => "This is the last administrator. Make somebody else one first.",
        "still_active" => "This account is active. Deactivate it first.",
        "owns_things" => "This account has tunnels, services, domains or routes. Delete them first.",
        "account_deactivated" => "This account is deactivated. Reactivate it first.",
        "link_ended" => "This link was used, has ended or was withdrawn. Ask an administrator for another one.",
        "link_limit" => "Too many links wait to be used. Withdraw invitations that are not needed.",
        "admin_only" => "Only an administrator may do this.",
        "no_target" => "A route leads somewhere: choose a service, a tunnel, a server or a redirect.",
        "no_tag" => "Only what leads to a service has a tag to switch.",
        "no_backends" => "None of the backends with this tag is running: nobody would serve. Start one first.",
        "unhealthy" => "None of the backends with this tag is healthy: requests would fail. Look at them first.",
        "service_exists" => "There is a service of this name already. Choose another name.",
        "service_in_use" => {
            "Domains or routes lead to this service. Let them lead elsewhere first; they are listed below."
        }
        "service_deleted" => "This service was deleted. Restore it first.",
        "backend_exists" => "There is a backend with this id already. Choose another.",
        "backend_deleted" => "This backend was deleted. Restore it first.",
        "domain_deleted" => "This domain was deleted. Restore it first.",
        "route_deleted" => "This route was deleted. Restore it first.",
        "region_exists" => "There is a region of this name already. Choose another name.",
        "region_deleted" => "This region was deleted. Restore it first.",
        "body_not_whole" => {
            "The body was not kept as it was. Enter one to send in its place, or choose that there be none."
        }
        "path_masked" => "A part of the query is masked. Put the real value in its place.",
        "not_replayable" => "A switch of protocols cannot be sent again.",
        "replay_nowhere" => {
            "Host and path lead to nobody now: they are redirected, or lead nowhere. Choose whom to send it to."
        }
        "replay_not_yours" => "Nothing of yours is there. Choose whom to send it to, or change host and path.",
        "no_service" => "Host and path lead to no service, so there are no tags. Choose a tunnel or a backend.",
        "pin_limit" => "So much is pinned here that nothing else could be kept. Unpin some first.",
        "not_restorable" => "A tunnel is restored on its own page.",
        "service_limit" => "You have as many services as are allowed. Delete one you no longer need.",
        "backend_limit" => "You have as many backends as are allowed. Delete one you no longer need.",
        "domain_limit" => "You have as many domains as are allowed. Delete one you no longer need.",
        "route_limit" => "You have as many routes as are allowed. Delete one you no longer need.",
        "tunnel_limit" => "You have as many tunnels as are allowed. Delete one you no longer need.",
        "share_link_exists" => "There is a link of this name. End it first, or choose another name.",
        "share_link_limit" => "There are as many links as are allowed. End one that is not needed.",
        "token_limit" => "You have as many tokens as are allowed. Revoke one you no longer need.",
        "alert_limit" => "You have as many alerts as are allowed. Delete one you no longer need.",
        "no_mail" => "This server sends no mail. Its administrator can set smtp_url and smtp_from; or use a webhook.",
        "no_webhook" => "Notices of this alert go by e-mail, which is not signed.",
        "changed_meanwhile" => {
            "This was changed meanwhile, by somebody else or in another window, and nothing of yours is saved yet. The form still has what you entered: look at the history, and save again to put yours in place of theirs."
        }
        "not_found" => "It is no longer there. Somebody may have deleted it meanwhile.",
        "unavailable" => "The database does not answer at the moment. Nothing was changed; try again shortly.",
        "passwords_differ" => "The two new passwords differ. Type the same one twice.",
        "not_signed_in" => "You were signed out meanwhile. Sign in and try again.",
        "internal" => "Something went wrong on our side. The server's log says what.",
        _ => "This was refused. Reload the page and try again.",
    };
    text.into()
}

/// Which route a mount overlaps with.
pub fn in_the_way(mount: &MountPath, other: &Route) -> String {
    let place = other.domain.as_ref().map_or_else(|| "any host".to_owned(), ToString::to_string);
    if other.mount == *mount {
        return format!("{mount} is mounted on {place} already. Change that route, or choose another mount.");
    }
    format!(
        "{} is mounted on {place} already and in the way of {mount}: a mount cannot lie under another. Change one of them.",
        other.mount
    )
}

/// Of an address that is one, and that members may not name.
const INSIDE: &str = "This address is on the server's machine or in a private network. Only an administrator's may be there, or one in a network that the server's setting member_networks allows.";

fn invalid(field: &str, value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    let text = match field {
        "email" => reason(value.parse::<Email>()),
        "subdomain" => reason(value.parse::<Subdomain>()),
        "subdomains" => value.split_whitespace().find_map(|line| reason(line.parse::<Subdomain>())),
        "hosts" => value.split_whitespace().find_map(|line| reason(line.parse::<HostPattern>())),
        "paths" => value.split_whitespace().find_map(|line| reason(line.parse::<MountPath>())),
        "networks" => value.split_whitespace().find_map(|line| reason(line.parse::<Network>())),
        "max_sessions" => Some("Enter a number of telephones from 1, or leave it empty.".into()),
        "custom_domains" => value.split_whitespace().find_map(|line| reason(line.parse::<Hostname>())),
        "alert_name" => reason(value.parse::<AlertName>()),
        "webhook" => reason(value.parse::<WebhookUrl>()).or_else(|| Some(INSIDE.into())),
        "error_percent" => Some("Enter a share in percent, from 0 to below 100, such as 5.".into()),
        "latency_ms" => Some("Enter a number of milliseconds from 1 to 3600000.".into()),
        "for_seconds" => Some("Enter a number of seconds from 0 to 86400.".into()),
        "link_name" => reason(value.parse::<BasicName>()),
        "token_name" => reason(value.parse::<TokenName>()),
        "scopes" => Some("Tick what the token is good for: at least one of looking, changing and tunnels.".into()),
        "name" => reason(value.parse::<TunnelName>()),
        "domain" => reason(value.parse::<HostPattern>()),
        "mount" => reason(value.parse::<MountPath>()),
        "service" | "service_name" => reason(value.parse::<ServiceName>()),
        "enabled_backends_tag" | "to" => reason(value.parse::<Tag>()),
        "tunnel" => reason(value.parse::<Subdomain>()),
        "redirect" => reason(value.parse::<RedirectTo>())
            .or_else(|| Some("This address is under the mount itself: clients would go round in circles.".into())),
        "host_rewrite" => reason(value.parse::<HostRewrite>()),
        "request_headers" => reason(rules(value, "").map_err(|(_, error)| error)),
        "response_headers" => reason(rules("", value).map_err(|(_, error)| error)),
        "headers" => Some("******** stands for a value that was written before, and there is none: write it.".into()),
        "backend_id" => reason(value.parse::<BackendName>()),
        "address" => reason(value.parse::<BackendAddress>()).or_else(|| Some(INSIDE.into())),
        "tags" => value
            .split([',', ' ', '\n', '\r'])
            .filter(|tag| !tag.is_empty())
            .find_map(|tag| reason(tag.parse::<Tag>()))
            .or_else(|| Some("A backend has at most 16 tags.".into())),
        "region" | "region_name" => reason(value.parse::<RegionName>()),
        "public_url" => Some("Enter http:// or https://, a host and, if it needs one, a port; no path.".into()),
        "affinity_name" => reason(value.parse::<FieldName>()),
        "check_path" => reason(value.parse::<CheckPath>()),
        "statuses" => reason(value.parse::<Statuses>()),
        "steps" => {
            Some("Write steps such as 10% 60s, 50% 60s: rising shares from 1 to 100, each for some seconds.".into())
        }
        "max_error_percent" => Some("Enter a number from 0 to 100.".into()),
        "max_latency_ms" => Some("Enter a number of milliseconds.".into()),
        "weight" => Some("A weight is a number from 0 to 100.".into()),
        "interval_seconds" | "eject_seconds" => Some("Enter a number of seconds from 1 to 3600.".into()),
        "slow_start_seconds" => Some("Enter a number of seconds from 0 to 3600.".into()),
        "timeout_ms" => Some("Enter a number of milliseconds from 50 to 60000.".into()),
        "healthy_after" | "unhealthy_after" => Some("Enter a number from 1 to 100.".into()),
        "retries" => Some("Enter a number from 0 to 10.".into()),
        "eject_after" => Some("Enter a number from 0 to 1000.".into()),
        "max_in_flight" => Some("Enter a number from 0 to 1000000.".into()),
        "password" | "new_password" => {
            Some("Use a password of 8 to 128 characters that is not easily guessed and not your e-mail address.".into())
        }
        "current_password" => Some("This is not your current password.".into()),
        "code" => {
            Some("This code does not belong to the seed. Check that the clock of the device that shows it is right.".into())
        }
        "body_limit" => Some("Enter a number of bytes from 1024 to 8388608.".into()),
        "allow" | "deny" => value
            .split([',', ' ', '\n', '\r', '\t'])
            .filter(|item| !item.is_empty())
            .find_map(|item| reason(item.parse::<Network>()))
            .or_else(|| Some("A list has at most 1,000 networks.".into())),
        "maintenance_message" => reason(value.parse::<Message>()),
        "retry_after_seconds" | "maintenance" => Some("Enter a number of seconds from 0 to 2592000.".into()),
        "rate_limit" => reason(value.parse::<RequestRate>()),
        "rate_limits" => value
            .lines()
            .filter(|line| !line.trim().is_empty())
            .find_map(|line| reason(line.parse::<RateLimit>()))
            .or_else(|| Some("At most 4 limits, each with 1 to 1000000 requests in 1 to 86400 seconds.".into())),
        "bandwidth" => value
            .lines()
            .filter(|line| !line.trim().is_empty())
            .find_map(|line| reason(line.parse::<Bandwidth>()))
            .or_else(|| Some("At most 4 limits, each of 16384 to 1000000000000 bytes a second.".into())),
        "most_at_once" => Some("Enter a number from 1 to 1000000, or nothing.".into()),
        "accounts" => value
            .split([',', ' ', '\n', '\r', '\t'])
            .filter(|item| !item.is_empty())
            .find_map(|item| reason(item.parse::<Email>()))
            .or_else(|| {
                Some("List 1 to 100 addresses, each once, of people who have an account here; invite others first.".into())
            }),
        "basic_users" => Some(
            "Write name: password, one a line, at most 20; a password has 8 to 128 characters. A name alone keeps a password that is there. What you entered is not repeated here.".into(),
        ),
        "realm" => reason(value.parse::<Realm>()),
        "error_pages" => Some("There are at most 8 error pages, of 16 KiB each.".into()),
        "page_new_for" if value.is_empty() => Some("Say what the page is for, such as 404, or 4xx.".into()),
        "page_new_for" => reason(value.parse::<PageFor>())
            .or_else(|| Some("There is a page for this already. Change that one, or empty it.".into())),
        "page_new" => Some("Write the page, or empty the field above.".into()),
        "max_headers" => Some("Enter a number of bytes from 256 to 32768, or nothing.".into()),
        "max_body" => Some("Enter a number of bytes up to 17592186044416, or nothing.".into()),
        "sample_percent" => Some("Enter a number from 1 to 100.".into()),
        "keep_hours" => Some("Enter a number of hours from 1 to 2160.".into()),
        "keep_mib" => Some("Enter a number of MiB from 1 to 10240.".into()),
        "redact_headers" => Some("Name at most 50 headers, one a line, without spaces or colons.".into()),
        "redact_query" => Some("Name at most 50, one a line, without & and =.".into()),
        "redact_json_paths" => {
            Some("Write at most 50 paths, one a line: names joined by dots, such as user.password.".into())
        }
        "replay_method" => Some("Enter a method such as GET; CONNECT and TRACE are not passed on.".into()),
        "replay_path" => Some(
            "A path begins with a slash, has no spaces and no #, and the real values where [masked] stands.".into(),
        ),
        "replay_headers" => {
            Some("Write each on a line of its own, as Name: value; 32 KiB in all, 16 KiB each at most.".into())
        }
        "replay_body" => Some("A body has at most 8 MiB.".into()),
        "replay_to" => Some("There is no such tunnel, tag or backend.".into()),
        "replay_times" => Some("Enter a number from 1 to 20.".into()),
        "note" => Some("A note has at most 2000 characters.".into()),
        "filter" => Some(
            "What is looked for in headers or bodies cannot be deleted by that. Narrow the list in another way.".into(),
        ),
        "scope" => Some("Name at most 50 of each kind, or none for no limit.".into()),
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
