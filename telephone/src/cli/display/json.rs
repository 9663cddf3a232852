use std::io::{self, Write};

use serde_json::{Value, json};
use telephone::{Event, Outcome, TunnelInfo};

use super::Show;

/// One JSON object a line: `{"time", "event", …}` with the events `connecting`, `connected`, `updated`, `request`, `more_requests`,
/// `disconnected`, `refused`, `draining`, `stats`, `round_trip` and `leaving`; `tunnel` is its name in the file. Times are RFC 3339
/// UTC, durations milliseconds.
pub(super) struct Json {
    tunnel: Option<String>,
}

impl Json {
    pub(super) fn new(tunnel: Option<&str>) -> Self {
        Self { tunnel: tunnel.map(str::to_owned) }
    }

    fn line(&self, event: &str, fields: Value) -> io::Result<()> {
        write(self.tunnel.as_deref(), event, fields)
    }
}

fn write(tunnel: Option<&str>, event: &str, mut fields: Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(object) = fields.as_object_mut() {
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        object.insert("time".to_owned(), now.into());
        object.insert("event".to_owned(), event.into());
        if let Some(tunnel) = tunnel {
            object.insert("tunnel".to_owned(), tunnel.into());
        }
    }
    writeln!(out, "{fields}")?;
    out.flush()
}

impl Show for Json {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Connecting => self.line("connecting", json!({})),
            Event::Connected(tunnel) => self.line("connected", fields(tunnel)),
            Event::Updated(tunnel) => self.line("updated", fields(tunnel)),
            Event::Request { method, path, status, duration, bytes, outcome, problem } => self.line(
                "request",
                json!({
                    "method": method, "path": path, "status": status, "bytes": bytes,
                    "duration_ms": duration.as_secs_f64() * 1000.0, "outcome": outcome_word(*outcome),
                    "problem": problem,
                }),
            ),
            Event::MoreRequests(count) => self.line("more_requests", json!({"count": count})),
            Event::Disconnected { reason, retry_in, connections } => {
                let wait = retry_in.as_secs_f64() * 1000.0;
                self.line("disconnected", json!({"reason": reason, "retry_in_ms": wait, "connections": connections}))
            }
            Event::Refused { code, message } => {
                self.line("refused", json!({"code": code.as_str(), "message": message}))
            }
            Event::Renewed { refused: None } => self.line("renewed", json!({})),
            Event::Renewed { refused: Some((code, message)) } => {
                self.line("not_renewed", json!({"code": code.as_str(), "message": message}))
            }
            Event::LetGo { connections } => self.line("let_go", json!({"connections": connections})),
            Event::Draining => self.line("draining", json!({})),
            Event::Stats(stats) => self.line("stats", json!(stats)),
            Event::RoundTrip(rtt) => self.line("round_trip", json!({"duration_ms": rtt.as_secs_f64() * 1000.0})),
        }
    }

    fn leaving(&mut self) -> io::Result<()> {
        // Of all of them, whichever this is.
        write(None, "leaving", json!({}))
    }
}

fn fields(tunnel: &TunnelInfo) -> Value {
    json!({
        "public_url": tunnel.public_url, "tunnel_id": tunnel.tunnel_id, "subdomain": tunnel.subdomain,
        "session_id": tunnel.session_id, "status": tunnel.status, "services": tunnel.services,
    })
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Cancelled => "cancelled",
        Outcome::Failed => "failed",
    }
}
