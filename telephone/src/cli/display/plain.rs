use std::io::{self, Write};

use telephone::{Announced, Event, TunnelInfo};

use super::Show;
use super::text::{announced, clock, duration, escape, status};

/// A line an event, for files, pipes and terminals that cannot do more.
pub(super) struct Plain {
    /// What each line begins with: nothing, or which tunnel it is about.
    label: String,
    target: String,
    /// The address last shown.
    shown: Option<String>,
    /// What was last shown of the services that are served besides.
    services: Vec<Announced>,
    /// How many lines are open. The first one is what counts: together they are one connection.
    lines: usize,
}

impl Plain {
    /// `name` is the tunnel's, if it has one, and `width` that of the longest.
    pub(super) fn new(target: &str, name: Option<&str>, width: usize) -> Self {
        let label = name.map_or_else(String::new, |name| format!("{name:width$} | "));
        Self { label, target: target.to_owned(), shown: None, services: Vec::new(), lines: 0 }
    }

    fn address(&mut self, out: &mut impl Write, tunnel: &TunnelInfo) -> io::Result<()> {
        let TunnelInfo { public_url, services, .. } = tunnel;
        let label = &self.label;
        if self.shown.as_ref() != Some(public_url) {
            self.shown = Some(public_url.clone());
            writeln!(out, "{label}Public URL  {}", escape(public_url))?;
            writeln!(out, "{label}Forwarding  {}", self.target)?;
        }
        if self.services != *services {
            self.services.clone_from(services);
            announced(services).iter().try_for_each(|line| writeln!(out, "{label}{line}"))?;
        }
        Ok(())
    }
}

impl Show for Plain {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let label = self.label.clone();
        match event {
            Event::Connecting | Event::RoundTrip(_) | Event::Stats(_) => {}
            Event::Connected(tunnel) => {
                self.address(&mut out, tunnel)?;
                self.lines += 1;
                if self.lines == 1 {
                    writeln!(out, "{label}{}  connected", clock())?;
                }
            }
            Event::Updated(tunnel) => {
                self.address(&mut out, tunnel)?;
                writeln!(out, "{label}{}  the tunnel is {}", clock(), super::live::status_word(tunnel.status))?;
            }
            Event::Request { method, path, status: code, duration: took, outcome, problem, .. } => {
                let (method, path) = (escape(method), escape(path));
                let problem = problem.as_ref().map(|problem| format!("  {}", escape(problem))).unwrap_or_default();
                let (code, took) = (status(*code, *outcome), duration(*took));
                writeln!(out, "{label}{}  {method} {path}  {code}  {took}{problem}", clock())?;
            }
            Event::MoreRequests(count) => writeln!(out, "{label}{}  and {count} more requests", clock())?,
            Event::Disconnected { reason, retry_in, connections } => {
                self.lines = *connections;
                let (now, reason, wait) = (clock(), escape(reason), duration(*retry_in));
                if self.lines == 0 {
                    writeln!(out, "{label}{now}  disconnected: {reason}; trying again in {wait}")?;
                } else {
                    writeln!(out, "{label}{now}  a connection was lost: {reason}; {} still serve", self.lines)?;
                }
            }
            Event::Refused { code, message } => {
                writeln!(out, "{label}{}  refused: {} ({})", clock(), escape(message), escape(code.as_str()))?;
            }
            Event::Renewed { refused: None } => writeln!(out, "{label}{}  the new token is in use", clock())?,
            Event::Renewed { refused: Some((code, message)) } => {
                let (message, code) = (escape(message), escape(code.as_str()));
                writeln!(out, "{label}{}  the new token was refused: {message} ({code})", clock())?;
            }
            Event::LetGo { connections } => self.lines = *connections,
            Event::Draining => writeln!(out, "{label}{}  the switchboard is restarting; opening a new line", clock())?,
        }
        out.flush()
    }

    fn leaving(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}  finishing what is in flight; Ctrl-C again ends at once", clock())?;
        out.flush()
    }
}
