use std::io::{self, Write};

use telephone::{Announced, Event, TunnelInfo};

use super::Show;
use super::text::{announced, clock, duration, escape, status};

/// A line an event, for files, pipes and terminals that cannot do more.
pub(super) struct Plain {
    target: String,
    /// The address last shown.
    shown: Option<String>,
    /// What was last shown of the services that are served besides.
    services: Vec<Announced>,
    /// How many lines are open. The first one is what counts: together they are one connection.
    lines: usize,
}

impl Plain {
    pub(super) fn new(target: &str) -> Self {
        Self { target: target.to_owned(), shown: None, services: Vec::new(), lines: 0 }
    }

    fn address(&mut self, out: &mut impl Write, tunnel: &TunnelInfo) -> io::Result<()> {
        let TunnelInfo { public_url, services, .. } = tunnel;
        if self.shown.as_ref() != Some(public_url) {
            self.shown = Some(public_url.clone());
            writeln!(out, "Public URL  {}", escape(public_url))?;
            writeln!(out, "Forwarding  {}", self.target)?;
        }
        if self.services != *services {
            self.services.clone_from(services);
            announced(services).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(())
    }
}

impl Show for Plain {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match event {
            Event::Connecting | Event::RoundTrip(_) | Event::Stats(_) => {}
            Event::Connected(tunnel) => {
                self.address(&mut out, tunnel)?;
                self.lines += 1;
                if self.lines == 1 {
                    writeln!(out, "{}  connected", clock())?;
                }
            }
            Event::Updated(tunnel) => {
                self.address(&mut out, tunnel)?;
                writeln!(out, "{}  the tunnel is {}", clock(), super::live::status_word(tunnel.status))?;
            }
            Event::Request { method, path, status: code, duration: took, outcome, problem, .. } => {
                let (method, path) = (escape(method), escape(path));
                let problem = problem.as_ref().map(|problem| format!("  {}", escape(problem))).unwrap_or_default();
                let (code, took) = (status(*code, *outcome), duration(*took));
                writeln!(out, "{}  {method} {path}  {code}  {took}{problem}", clock())?;
            }
            Event::MoreRequests(count) => writeln!(out, "{}  and {count} more requests", clock())?,
            Event::Disconnected { reason, retry_in, connections } => {
                self.lines = *connections;
                let (now, reason, wait) = (clock(), escape(reason), duration(*retry_in));
                if self.lines == 0 {
                    writeln!(out, "{now}  disconnected: {reason}; trying again in {wait}")?;
                } else {
                    writeln!(out, "{now}  a connection was lost: {reason}; {} still serve", self.lines)?;
                }
            }
            Event::Refused { code, message } => {
                writeln!(out, "{}  refused: {} ({})", clock(), escape(message), escape(code.as_str()))?;
            }
            Event::Renewed { refused: None } => writeln!(out, "{}  the new token is in use", clock())?,
            Event::Renewed { refused: Some((code, message)) } => {
                let (message, code) = (escape(message), escape(code.as_str()));
                writeln!(out, "{}  the new token was refused: {message} ({code})", clock())?;
            }
            Event::Draining => writeln!(out, "{}  the switchboard is restarting; opening a new line", clock())?,
        }
        out.flush()
    }

    fn leaving(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}  finishing what is in flight; Ctrl-C again ends at once", clock())?;
        out.flush()
    }
}
