//! How many tests passed and failed, read from what the test runners report.

use std::{fmt, ops::AddAssign};

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// From the first tag of a JUnit report, as cargo-nextest writes it: `<testsuites tests="3" failures="1" …>`.
    pub fn from_junit(report: &str) -> Option<Self> {
        let start = report.find("<testsuites")?;
        let tag = &report[start..start + report[start..].find('>')?];
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse::<u64>().ok()
        };
        let failed = attribute("failures")? + attribute("errors")?;
        Some(Self { passed: attribute("tests")?.checked_sub(failed)?, failed })
    }

    /// From a line of `cargo test`: `test result: ok. 3 passed; 1 failed; …`. `None` for any other line.
    pub fn from_libtest(line: &str) -> Option<Self> {
        let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let count = |unit: &str| {
            let mut parts = counts.split(';').filter_map(|part| part.trim().split_once(' '));
            parts.find(|(_, found)| *found == unit)?.0.parse::<u64>().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")? })
    }

    /// From the end of a TAP report, as `node --test` writes it: `# pass 3`, `# fail 1`, `# cancelled 0`.
    pub fn from_node(report: &str) -> Option<Self> {
        let count = |name: &str| {
            let mut lines = report.lines().rev();
            lines.find_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        Some(Self { passed: count("pass ")?, failed: count("fail ")? + count("cancelled ")? })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_junit_report() {
        let report = r#"<?xml version="1.0"?>
            <testsuites name="nextest-run" tests="7" failures="2" errors="1" uuid="x" time="0.1">
              <testsuite name="a" tests="7" failures="2" errors="1">"#;
        assert_eq!(Tally::from_junit(report), Some(Tally { passed: 4, failed: 3 }));
        assert_eq!(Tally::from_junit("<testsuites"), None);
    }

    #[test]
    fn reads_the_summary_of_cargo_test() {
        let line = "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Tally::from_libtest(line), Some(Tally { passed: 3, failed: 1 }));
        assert_eq!(Tally::from_libtest("test proxy::works ... ok"), None);
    }

    #[test]
    fn reads_the_summary_of_node() {
        let report =
            "TAP version 13\nok 1 - # pass 9\n1..2\n# tests 5\n# suites 0\n# pass 2\n# fail 1\n# cancelled 1\n";
        assert_eq!(Tally::from_node(report), Some(Tally { passed: 2, failed: 2 }));
        assert_eq!(Tally::from_node("TAP version 13\n"), None);
    }
}
