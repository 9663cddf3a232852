//! What was measured, by round.

use std::collections::BTreeMap;

use crate::measure::{Figure, Figures, Measure};

/// A figure of a measure.
pub type Key = (Measure, Figure);

/// Everything that was measured. A figure that could not be had is missing in its round.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<(Key, usize), BTreeMap<usize, f64>>);

impl Results {
    /// Adds the figures of a subject in a round.
    pub fn add(&mut self, measure: Measure, subject: usize, round: usize, figures: Figures) {
        for (figure, value) in figures {
            self.0.entry(((measure, figure), subject)).or_default().insert(round, value);
        }
    }

    /// The median over the rounds.
    pub fn median(&self, key: Key, subject: usize) -> Option<f64> {
        median(self.0.get(&(key, subject))?.values().copied().collect())
    }

    /// The median of what `combine` makes of the figures of two subjects in the same round.
    pub fn paired(&self, key: Key, subject: usize, other: usize, combine: fn(f64, f64) -> f64) -> Option<f64> {
        let (values, others) = (self.0.get(&(key, subject))?, self.0.get(&(key, other))?);
        let pairs = values.iter().filter_map(|(round, value)| Some(combine(*value, *others.get(round)?)));
        median(pairs.collect())
    }

    /// The median of the same-round ratios of a subject to another.
    pub fn ratio(&self, key: Key, subject: usize, other: usize) -> Option<f64> {
        self.paired(key, subject, other, |value, other| value / other)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut results = Results::default();
        for (round, (ours, theirs)) in [(10.0, 5.0), (100.0, 50.0), (3.0, 1.0)].into_iter().enumerate() {
            results.add(Measure::One, 0, round, vec![(Figure::Rate, ours)]);
            results.add(Measure::One, 1, round, vec![(Figure::Rate, theirs)]);
        }
        // A round in which the other one failed counts for no ratio.
        results.add(Measure::One, 0, 3, vec![(Figure::Rate, 1000.0)]);
        let key = (Measure::One, Figure::Rate);
        assert_eq!(results.ratio(key, 0, 1), Some(2.0));
        assert_eq!(results.median(key, 0), Some(55.0));
        assert_eq!(results.median(key, 2), None);
    }
}
