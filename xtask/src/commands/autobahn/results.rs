//! What came out of the cases.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context;

/// A case's number, such as 6.4.1, in the order of numbers.
type Case = Vec<u32>;

/// The outcomes of one direction.
pub struct Results(BTreeMap<Case, String>);

/// As it should be; what we do not announce (compression, the cases 12 and 13) is not implemented, and what the suite
/// calls informational has no wrong outcome.
const GOOD: [&str; 3] = ["OK", "INFORMATIONAL", "UNIMPLEMENTED"];

impl Results {
    /// Reads what the runner prints.
    pub fn parse(json: &str) -> anyhow::Result<Self> {
        let all: BTreeMap<String, (String, String, Option<u16>)> =
            serde_json::from_str(json).context("the suite gave no results")?;
        let numbered = all.into_iter().map(|(case, (behaviour, close, _))| {
            let number = case.split('.').map(str::parse).collect::<Result<_, _>>();
            // Both have to be right: what was done, and how the connection was closed.
            let outcome = if GOOD.contains(&close.as_str()) { behaviour } else { format!("{behaviour}, {close}") };
            Ok((number.with_context(|| format!("{case} is no number of a case"))?, outcome))
        });
        numbered.collect::<anyhow::Result<_>>().map(Self)
    }

    /// The cases that are not as they should be, with what they are.
    pub fn failed(&self) -> impl Iterator<Item = String> {
        let failed = self.0.iter().filter(|(_, outcome)| !GOOD.contains(&outcome.as_str()));
        failed.map(|(case, outcome)| format!("{} {outcome}", shown(case)))
    }

    /// How many cases had which outcome.
    pub fn summary(&self) -> String {
        let mut counts = BTreeMap::<&str, u32>::new();
        for outcome in self.0.values() {
            *counts.entry(outcome).or_default() += 1;
        }
        let counts = counts.iter().map(|(outcome, count)| format!("{count} {outcome}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// Case to outcome as server and as client, one line a case.
pub fn together(server: &Results, client: &Results) -> anyhow::Result<String> {
    let mut text = String::from("{\n  \"cases\": [\"as server\", \"as client\"]");
    for (case, outcome) in &server.0 {
        let other = client.0.get(case).map_or("MISSING", String::as_str);
        write!(text, ",\n  \"{}\": {}", shown(case), serde_json::to_string(&[outcome.as_str(), other])?)?;
    }
    text.push_str("\n}\n");
    Ok(text)
}

fn shown(case: &[u32]) -> String {
    case.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
