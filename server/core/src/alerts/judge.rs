//! When a state is told: only once it has lasted, and once.

/// What was last told of one thing, and how long it has been otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Judge {
    firing: bool,
    /// Since when it is not what was told, in seconds of the caller's clock.
    otherwise_since: Option<u64>,
}

impl Judge {
    /// What was told before this process was started.
    pub(super) fn told(firing: bool) -> Self {
        Self { firing, otherwise_since: None }
    }

    /// Whether what was told last is that it is as it should not be.
    pub(super) fn is_firing(self) -> bool {
        self.firing
    }

    /// Whether there is nothing to remember of it.
    pub(super) fn is_quiet(self) -> bool {
        self == Self::default()
    }

    /// Takes in how it is now; `None`: that is not known. Returns whether it has been otherwise for `hold` seconds, so
    /// that it is to be told; after which [`flip`](Self::flip) is called.
    pub(super) fn see(&mut self, bad: Option<bool>, now: u64, hold: u64) -> bool {
        if bad.is_none_or(|bad| bad == self.firing) {
            self.otherwise_since = None;
            return false;
        }
        let since = *self.otherwise_since.get_or_insert(now);
        now.saturating_sub(since) >= hold
    }

    /// It was told.
    pub(super) fn flip(&mut self) {
        *self = Self::told(!self.firing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told when it is like this, second by second: `x` bad, `.` good, `?` not known.
    fn told(states: &str, hold: u64) -> Vec<(usize, bool)> {
        let mut judge = Judge::default();
        let mut told = Vec::new();
        for (second, state) in states.chars().enumerate() {
            let bad = (state != '?').then_some(state == 'x');
            if judge.see(bad, second as u64, hold) {
                judge.flip();
                told.push((second, judge.is_firing()));
            }
        }
        told
    }

    #[test]
    fn what_lasts_is_told_once_in_each_direction() {
        assert_eq!(told("..xxxxxxxx.....", 3), [(5, true), (13, false)]);
        assert_eq!(told(".x.x", 0), [(1, true), (2, false), (3, true)]);
    }

    #[test]
    fn what_flaps_is_not_told() {
        assert_eq!(told("xx.xx.xx.xx.", 3), []);
        assert_eq!(told("xxxx.xx.xx.xx.x", 3), [(3, true)]);
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        assert_eq!(told("xx?xx?xxx", 3), []);
        assert_eq!(told("xxxx????????", 3), [(3, true)]);
    }
}
