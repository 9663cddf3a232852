//! How the telephones of a tunnel have done: round trips of those that are there, and why others went.

use super::visit::Visit;
use crate::{
    format,
    islands::{TimeAgo, local_words},
};
use domain::{RoundTrip, SessionRecord, TunnelId};
use leptos::prelude::*;
use server_core::{CoreError, Page};

/// How many that have gone are shown; all of them are in the API.
const SHOWN: u32 = 10;
/// The size of the picture of round trips, in its own units.
const PICTURE: (f64, f64) = (240.0, 36.0);

/// Both, where there is something to show.
pub(super) async fn section(visit: &Visit, id: TunnelId) -> Result<AnyView, CoreError> {
    let page = Page { limit: SHOWN, cursor: None };
    let records = visit.services.sessions_of(&visit.viewer, id, page).await?.items;
    let (live, past): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.ended_at.is_none());
    let measured = live.iter().filter(|record| record.round_trips.len() > 1).map(round_trips).collect_view();
    let has_measured = live.iter().any(|record| record.round_trips.len() > 1);
    let trips = has_measured.then(|| {
        view! {
            <section aria-labelledby="trips-title">
                <h2 id="trips-title">"Round trips, last 5 minutes"</h2>
                <div class="card">
                    <dl class="facts">{measured}</dl>
                </div>
            </section>
        }
    });
    let past = (!past.is_empty()).then(|| gone(&past));
    Ok(view! {
        {trips}
        {past}
    }
    .into_any())
}

fn name(record: &SessionRecord) -> String {
    record.session.machine.clone().unwrap_or_else(|| record.session.address.to_string())
}

fn round_trips(record: &SessionRecord) -> AnyView {
    let mut sorted: Vec<_> = record.round_trips.iter().map(|trip| trip.ms).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * (sorted.len() - 1) as f64) as usize).copied().unwrap_or_default();
    let words = format!(
        "{} to {}, half of them within {}",
        format::milliseconds(at(0.0)),
        format::milliseconds(at(1.0)),
        format::milliseconds(at(0.5))
    );
    let (width, height) = PICTURE;
    view! {
        <dt>{name(record)}</dt>
        <dd>
            <svg
                class="trips"
                viewBox=format!("0 0 {width} {height}")
                preserveAspectRatio="none"
                aria-hidden="true"
                focusable="false"
            >
                <polyline points=points(&record.round_trips)></polyline>
            </svg>
            {words}
        </dd>
    }
    .into_any()
}

/// The corners of the line, from zero up to the longest.
fn points(trips: &[RoundTrip]) -> String {
    let (width, height) = PICTURE;
    let (Some(first), Some(last)) = (trips.first(), trips.last()) else { return String::new() };
    let span = (last.at - first.at).max(1) as f64;
    let most = trips.iter().map(|trip| trip.ms).fold(f64::MIN_POSITIVE, f64::max);
    let corner = |trip: &RoundTrip| {
        let (x, y) = ((trip.at - first.at) as f64 / span * width, height - 1.0 - trip.ms / most * (height - 2.0));
        format!("{x:.1},{y:.1}")
    };
    trips.iter().map(corner).collect::<Vec<_>>().join(" ")
}

fn gone(records: &[SessionRecord]) -> AnyView {
    let rows = records.iter().map(row).collect_view();
    view! {
        <section aria-labelledby="past-title">
            <h2 id="past-title">"Telephones that went"</h2>
            <div class="card card-flush">
                <table class="table">
                    <caption class="visually-hidden">"The latest telephones that are no longer connected"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Went"</th>
                            <th scope="col">"Why"</th>
                            <th scope="col">"Machine"</th>
                            <th scope="col">"Agent"</th>
                            <th scope="col" class="number">"Was there"</th>
                            <th scope="col" class="number">"Round trip"</th>
                            <th scope="col">"Local server"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(record: &SessionRecord) -> AnyView {
    let session = &record.session;
    let ended_at = record.ended_at.unwrap_or(session.connected_at);
    let round_trip = session.round_trip_ms.map_or_else(|| format::NOTHING.into(), format::milliseconds);
    let local = match &session.quality.last_local_failure {
        None => "no failures".to_owned(),
        Some(failure) => {
            let count = format::count(session.quality.local_failures);
            format!("{count} × no answer; {}", local_words(&failure.code))
        }
    };
    view! {
        <tr>
            <td data-label="Went">
                <TimeAgo at=ended_at />
            </td>
            <td data-label="Why">{record.reason.clone()}</td>
            <td data-label="Machine">{name(record)}</td>
            <td data-label="Agent">{session.agent.clone()}</td>
            <td data-label="Was there" class="number">
                {format::span((ended_at - session.connected_at).num_seconds())}
            </td>
            <td data-label="Round trip" class="number">
                {round_trip}
            </td>
            <td data-label="Local server">{local}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_reaches_from_edge_to_edge() {
        let trips = [(0, 1.0), (5, 4.0), (10, 2.0)].map(|(at, ms)| RoundTrip { at, ms });
        assert_eq!(points(&trips), "0.0,26.5 120.0,1.0 240.0,18.0");
        assert_eq!(points(&[]), "");
    }
}
