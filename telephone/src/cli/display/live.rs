use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use telephone::wire::control::{Stats, Status};
use telephone::{Event, TunnelInfo};
use terminal_size::{Height, Width, terminal_size};

use super::Show;
use super::text::{announced, clock, duration, escape, status};

/// The most requests shown, on however tall a terminal.
const MAX_REQUESTS: usize = 50;
/// Lines of the header, with the blank lines around the requests.
const HEADER: usize = 9;

/// A header that stays and the latest requests below it, redrawn in place.
pub(super) struct Live {
    server: String,
    target: String,
    state: String,
    public_url: Option<String>,
    /// What is served besides, a line each.
    services: Vec<String>,
    lines: usize,
    rtt: Option<Duration>,
    total: u64,
    /// Requests that wait for a telephone, and those that were sent a second time.
    stats: Stats,
    requests: VecDeque<Request>,
    /// What was wrong with the local server at the latest request.
    problem: Option<String>,
    colour: bool,
    /// How many lines the last frame had.
    drawn: usize,
    dirty: bool,
}

struct Request {
    time: String,
    method: String,
    path: String,
    status: String,
    duration: String,
    class: u16,
}

impl Live {
    pub(super) fn new(server: &str, target: &str) -> Self {
        Self {
            server: server.to_owned(),
            target: target.to_owned(),
            state: "connecting".to_owned(),
            public_url: None,
            services: Vec::new(),
            lines: 0,
            rtt: None,
            total: 0,
            stats: Stats::default(),
            requests: VecDeque::new(),
            problem: None,
            colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            drawn: 0,
            dirty: true,
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (width, height) = terminal_size().map_or((80, 24), |(Width(w), Height(h))| (w.into(), h.into()));
        let frame = self.frame(width, height);
        let mut out = io::stdout().lock();
        // Back to the first line of the last frame, and clear from there on (ECMA-48 CPL and ED).
        if self.drawn > 0 {
            write!(out, "\x1b[{}F\x1b[J", self.drawn)?;
        }
        for line in &frame {
            writeln!(out, "{line}")?;
        }
        self.drawn = frame.len();
        self.dirty = false;
        out.flush()
    }

    /// The lines to show. None is wider than the terminal: one that wrapped would be two to go back over.
    fn frame(&self, width: usize, height: usize) -> Vec<String> {
        let fit = |text: String| cut(&text, width.saturating_sub(1));
        let rtt = self.rtt.map_or_else(|| "–".to_owned(), duration);
        let mut frame = vec![
            String::new(),
            self.paint("1", fit(format!("telephone   {}", self.state))),
            String::new(),
            self.paint("1;36", fit(format!("Public URL  {}", self.public_url.as_deref().unwrap_or("–")))),
        ];
        // Of more than the terminal shows, the first ones.
        let most = height.saturating_sub(HEADER + 1);
        frame.extend(self.services.iter().take(most).map(|line| fit(line.clone())));
        frame.extend([
            fit(format!("Forwarding  {}", self.target)),
            fit(format!("Switchboard {}  round trip {rtt}  connections {}", self.server, self.lines)),
            fit(format!("Requests    {}  held {}  retried {}", self.total, self.stats.held, self.stats.retried)),
            self.problem.as_ref().map_or_else(String::new, |problem| self.paint("31", fit(problem.clone()))),
        ]);
        let room = height.saturating_sub(HEADER + self.services.len()).min(MAX_REQUESTS);
        for request in self.requests.iter().rev().take(room) {
            let Request { time, method, path, status, duration, class } = request;
            let tail = format!("  {status}  {duration}");
            let room = width.saturating_sub(tail.chars().count() + 1);
            let head = cut(&format!("{time}  {method:<7} {path}"), room);
            let colour = match class {
                2 => "32",
                3 => "36",
                4 => "33",
                _ => "31",
            };
            let padding = room.saturating_sub(head.chars().count()).min(60_usize.saturating_sub(head.chars().count()));
            frame.push(format!("{head}{:padding$}{}", "", self.paint(colour, cut(&tail, width.saturating_sub(1)))));
        }
        frame
    }

    fn serves(&mut self, tunnel: &TunnelInfo) {
        self.public_url = Some(escape(&tunnel.public_url));
        self.services = announced(&tunnel.services);
        status_word(tunnel.status).clone_into(&mut self.state);
    }

    fn paint(&self, code: &str, text: String) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    fn request(&mut self, request: Request) {
        self.total += 1;
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

impl Show for Live {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Connecting => {
                if self.lines == 0 {
                    "connecting".clone_into(&mut self.state);
                }
            }
            Event::Connected(tunnel) => {
                self.lines += 1;
                self.serves(tunnel);
            }
            Event::Updated(tunnel) => self.serves(tunnel),
            Event::Request { method, path, status: code, duration: took, outcome, problem, .. } => {
                self.problem = problem.as_deref().map(escape);
                self.request(Request {
                    time: clock(),
                    method: escape(method),
                    path: escape(path),
                    status: status(*code, *outcome),
                    duration: duration(*took),
                    class: code.map_or(0, |code| code / 100),
                });
            }
            Event::MoreRequests(count) => self.total += count,
            Event::Disconnected { reason, retry_in, connections } => {
                self.lines = *connections;
                if self.lines == 0 {
                    self.rtt = None;
                    self.state = format!("{}; trying again in {}", escape(reason), duration(*retry_in));
                }
            }
            Event::Refused { code, message } => {
                self.state = format!("refused: {} ({})", escape(message), escape(code.as_str()));
            }
            Event::Renewed { refused: None } => {}
            Event::Renewed { refused: Some((code, message)) } => {
                self.state = format!("the new token was refused: {} ({})", escape(message), escape(code.as_str()));
            }
            Event::LetGo { connections } => self.lines = *connections,
            Event::Draining => "the switchboard is restarting".clone_into(&mut self.state),
            Event::Stats(stats) => self.stats = *stats,
            Event::RoundTrip(rtt) => self.rtt = Some(*rtt),
        }
        self.dirty = true;
        Ok(())
    }

    fn leaving(&mut self) -> io::Result<()> {
        "finishing what is in flight; Ctrl-C again ends at once".clone_into(&mut self.state);
        self.draw()
    }

    fn tick(&mut self) -> io::Result<()> {
        if self.dirty { self.draw() } else { Ok(()) }
    }
}

/// A tunnel's state, for people.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "online",
        Status::Paused => "paused",
        Status::Deleted => "deleted",
    }
}

/// At most `width` characters of `text`.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_local_server_is_shown_until_it_answers() {
        let mut live = Live::new("https://switchboard.test", "h2c://localhost:3000");
        let request = |status: u16, problem: Option<&str>| Event::Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            status: Some(status),
            duration: Duration::from_millis(1),
            bytes: 0,
            outcome: telephone::Outcome::Complete,
            problem: problem.map(str::to_owned),
        };
        let shown = |live: &Live| live.frame(80, 24).iter().any(|line| line.contains("nothing\\u{1b} answers"));
        live.event(&request(502, Some("nothing\u{1b} answers"))).unwrap();
        assert!(shown(&live), "{:#?}", live.frame(80, 24));
        live.event(&request(200, None)).unwrap();
        assert!(!shown(&live));
    }

    #[test]
    fn the_header_tells_what_waits_and_what_was_sent_twice() {
        let mut live = Live::new("https://switchboard.test", "http://localhost:3000");
        live.event(&Event::MoreRequests(7)).unwrap();
        live.event(&Event::Stats(Stats { held: 2, retried: 3, ..Stats::default() })).unwrap();
        let frame = live.frame(80, 24);
        assert!(frame.contains(&"Requests    7  held 2  retried 3".to_owned()), "{frame:#?}");
        assert!(live.frame(20, 24).iter().any(|line| line == "Requests    7  hel…"));
    }
}
