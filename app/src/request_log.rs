//! The list of the inspector in the browser: newest first, kept up to date, and never longer than it may be.

use domain::{ExchangeSummary, RequestId};

/// Rows that are held at most; the oldest are let go.
pub const MOST_ROWS: usize = 5_000;

/// The rows, and those that wait while the list is paused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestLog {
    rows: Vec<ExchangeSummary>,
    waiting: Vec<ExchangeSummary>,
    is_paused: bool,
}

impl RequestLog {
    /// A list that begins with these, newest first.
    pub fn new(rows: Vec<ExchangeSummary>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// The rows, newest first.
    pub fn rows(&self) -> &[ExchangeSummary] {
        &self.rows
    }

    /// Whether what arrives waits.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// How many have arrived since it was paused.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes in what has arrived or changed; how many rows are new. While it is paused they wait, but rows that are
    /// shown already change.
    pub fn arrive(&mut self, batch: impl IntoIterator<Item = ExchangeSummary>) -> usize {
        let mut added = 0;
        for row in batch {
            if self.is_paused {
                if !replace(&mut self.rows, &row) {
                    put(&mut self.waiting, row);
                }
            } else {
                added += usize::from(put(&mut self.rows, row));
            }
        }
        added
    }

    /// Adds a page of older ones.
    pub fn older(&mut self, page: Vec<ExchangeSummary>) {
        for row in page {
            put(&mut self.rows, row);
        }
    }

    /// Lets what arrives wait.
    pub fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Goes on; how many rows were waiting.
    pub fn resume(&mut self) -> usize {
        self.is_paused = false;
        let waiting = std::mem::take(&mut self.waiting);
        self.arrive(waiting)
    }

    /// The row after (`down`) or before the one that is chosen; the first when none is.
    pub fn next_to(&self, chosen: Option<RequestId>, down: bool) -> Option<&ExchangeSummary> {
        let place = chosen.and_then(|id| self.place(id));
        match (place, down) {
            (None, _) => self.rows.first(),
            (Some(place), true) => self.rows.get(place + 1),
            (Some(place), false) => self.rows.get(place.checked_sub(1)?),
        }
    }

    /// Where a row is.
    pub fn place(&self, id: RequestId) -> Option<usize> {
        find(&self.rows, id).ok()
    }
}

/// Where the row is, or where it belongs: ids are in the order of arrival.
fn find(rows: &[ExchangeSummary], id: RequestId) -> Result<usize, usize> {
    rows.binary_search_by(|row| id.cmp(&row.id))
}

/// Puts a row where it belongs; whether it is a new one.
fn put(rows: &mut Vec<ExchangeSummary>, row: ExchangeSummary) -> bool {
    match find(rows, row.id) {
        Ok(place) => {
            rows[place] = row;
            false
        }
        Err(place) if place < MOST_ROWS => {
            rows.insert(place, row);
            rows.truncate(MOST_ROWS);
            true
        }
        Err(_) => false,
    }
}

fn replace(rows: &mut [ExchangeSummary], row: &ExchangeSummary) -> bool {
    let place = find(rows, row.id);
    if let Ok(place) = place {
        rows[place] = row.clone();
    }
    place.is_ok()
}

/// The rows that are worth drawing: those in sight, and some around.
#[cfg(any(test, feature = "hydrate"))]
pub fn in_sight(scrolled: f64, height: f64, row: f64, all: usize) -> (usize, usize) {
    /// Rows around those in sight.
    const AROUND: usize = 12;
    let first = (scrolled / row).max(0.0) as usize;
    let count = (height / row).max(0.0).ceil() as usize + 1;
    let from = first.min(all).saturating_sub(AROUND);
    (from, (first + count + AROUND).min(all).max(from))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use serde_json::json;

    fn row(number: u128, status: u16) -> ExchangeSummary {
        serde_json::from_value(json!({
            "id": uuid(number), "at": "2026-11-21T10:00:00Z", "tunnel": null, "rule": null, "service": null,
            "method": "GET", "host": "shop.test", "path": "/", "status": status, "error": null, "end": "complete",
            "kind": "http", "duration_ms": 1.0, "bytes_in": 0, "bytes_out": 0, "content_type": null,
            "client": "127.0.0.1", "pinned": false, "note": null, "replay_of": null
        }))
        .unwrap()
    }

    fn uuid(number: u128) -> String {
        let hex = format!("{number:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn ids(log: &RequestLog) -> Vec<String> {
        log.rows().iter().map(|row| row.id.to_string()).collect()
    }

    #[test]
    fn rows_are_in_the_order_of_arrival_whenever_they_come() {
        let mut log = RequestLog::new(vec![row(5, 200), row(3, 200)]);
        assert_eq!(log.arrive([row(4, 200), row(6, 200), row(3, 404)]), 2);
        assert_eq!(ids(&log), [6, 5, 4, 3].map(uuid));
        assert_eq!(log.rows()[3].status, Some(404), "it has changed");
        log.older(vec![row(2, 200), row(1, 200)]);
        assert_eq!(ids(&log).len(), 6);
    }

    #[test]
    fn while_it_is_paused_new_ones_wait() {
        let mut log = RequestLog::new(vec![row(5, 200)]);
        log.pause();
        assert_eq!(log.arrive([row(6, 200), row(7, 200), row(5, 500)]), 0);
        assert_eq!((log.waiting(), log.rows().len(), log.rows()[0].status), (2, 1, Some(500)));
        assert_eq!(log.resume(), 2);
        assert_eq!(ids(&log), [7, 6, 5].map(uuid));
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let mut log = RequestLog::default();
        log.arrive((0..MOST_ROWS as u128 + 10).map(|number| row(number, 200)));
        assert_eq!(log.rows().len(), MOST_ROWS);
        assert_eq!(log.rows()[0].id.to_string(), uuid(MOST_ROWS as u128 + 9), "the oldest are let go");
        log.pause();
        log.arrive((0..2 * MOST_ROWS as u128).map(|number| row(1_000_000 + number, 200)));
        assert_eq!(log.waiting(), MOST_ROWS);
    }

    #[test]
    fn one_goes_from_row_to_row() {
        let log = RequestLog::new(vec![row(3, 200), row(2, 200), row(1, 200)]);
        let id = |number: u128| uuid(number).parse().unwrap();
        let next = |chosen, down| log.next_to(chosen, down).map(|row| row.id);
        assert_eq!(next(None, true), Some(id(3)));
        assert_eq!(next(Some(id(3)), true), Some(id(2)));
        assert_eq!(next(Some(id(3)), false), None);
        assert_eq!(next(Some(id(1)), true), None);
        assert_eq!(next(Some(id(9)), true), Some(id(3)), "one that is not in the list");
    }

    #[test]
    fn only_what_is_in_sight_is_drawn() {
        assert_eq!(in_sight(0.0, 500.0, 50.0, 2_000), (0, 23));
        assert_eq!(in_sight(50_000.0, 500.0, 50.0, 2_000), (988, 1_023));
        assert_eq!(in_sight(99_500.0, 500.0, 50.0, 2_000), (1_978, 2_000));
        assert_eq!(in_sight(500.0, 500.0, 50.0, 3), (0, 3));
        assert_eq!(in_sight(0.0, 0.0, 50.0, 0), (0, 0));
    }
}
