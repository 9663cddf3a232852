//! The document that keeps the latest full measurement.

use std::{fs, path::Path};

use anyhow::Context;

const BEGIN: &str = "<!-- bench:begin: written by `cargo xtask bench` -->\n";
const END: &str = "<!-- bench:end -->\n";

/// Replaces what stands between the markers.
///
/// # Errors
/// When the file cannot be read or written, or has no markers.
pub fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let shown = file.display();
    let before = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let after = replaced(&before, text).with_context(|| format!("{shown} lacks the lines {BEGIN:?} and {END:?}"))?;
    fs::write(file, after).with_context(|| format!("cannot write {shown}"))
}

fn replaced(document: &str, text: &str) -> Option<String> {
    let (head, rest) = document.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n{}\n\n{END}{tail}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replaced(&document, "new\n"), Some(format!("before\n{BEGIN}\nnew\n\n{END}after\n")));
        assert_eq!(replaced("no markers", "new"), None);
    }

    #[test]
    fn the_document_has_the_markers() {
        assert!(replaced(include_str!("../../../docs/performance.md"), "new").is_some());
    }
}
