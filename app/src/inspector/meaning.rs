//! What codes mean, in words for people.

use domain::ExchangeEnd;

/// What our code of an error means; `None`: a word of the telephone's own.
pub fn error(code: &str) -> Option<&'static str> {
    Some(match code {
        "no_route" => "No domain, route or tunnel is for this host and path.",
        "no_healthy_backend" => "None of the service's backends with the enabled tag was able to serve.",
        "tunnel_offline" => "No telephone was connected, and none came within the time that requests are held.",
        "tunnel_paused" => "The tunnel is paused.",
        "overloaded" => "As many requests were under way as may be, so this one was refused.",
        "bad_gateway" => {
            "The local server or backend could not be reached, broke off, or answered with what is no HTTP."
        }
        "bad_response" => "The telephone's answer could not be passed on.",
        "response_too_large" => "The response has more than 8 MiB, which is the most that this telephone passes on.",
        "body_too_large" => "The request's body has more than may be passed on.",
        "upgrade_not_supported" => "This telephone carries no WebSockets and no other upgrades.",
        "gateway_timeout" => "The local server or backend did not answer in time.",
        "bad_host" => "The request does not say clearly which host it is for.",
        "bad_path" => "The request's path cannot be compared with mounts.",
        "internal" => "A fault of ours. The server's log says what.",
        _ => return None,
    })
}

/// How an exchange has ended.
pub fn end(end: ExchangeEnd) -> &'static str {
    match end {
        ExchangeEnd::Open => "still open",
        ExchangeEnd::Complete => "complete",
        ExchangeEnd::ClientLeft => "the client left before the end",
        ExchangeEnd::BrokenOff => "whoever answered broke off",
    }
}
