//! Changes of headers, one a line: `Name: value` sets a header, `-Name` takes it out.

use super::entered::Entered;
use domain::{HeaderChanges, HeaderName, HeaderRules, HeaderRulesError};
use server_core::CoreError;

/// The changes as lines.
pub fn in_lines(changes: &HeaderChanges) -> String {
    let set = changes.set.iter().map(|(name, value)| format!("{name}: {value}"));
    let removed = changes.remove.iter().map(|name| format!("-{name}"));
    set.chain(removed).collect::<Vec<_>>().join("\n")
}

/// The changes that lines ask for.
pub fn changes(lines: &str) -> Result<HeaderChanges, HeaderRulesError> {
    let mut changes = HeaderChanges::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('-') {
            changes.remove.insert(name.parse()?);
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| HeaderRulesError::Name(shortened(line)))?;
            let name: HeaderName = name.parse()?;
            if changes.set.insert(name.clone(), value.parse()?).is_some() {
                return Err(HeaderRulesError::Both(name.to_string()));
            }
        }
    }
    Ok(changes)
}

/// What two fields of lines ask for together; the error is of the named field.
pub fn rules(request: &str, response: &str) -> Result<HeaderRules, (&'static str, HeaderRulesError)> {
    let request = changes(request).map_err(|error| ("request_headers", error))?;
    let response = changes(response).map_err(|error| ("response_headers", error))?;
    // Each is looked at alone first, so that only the sum of both is left to blame on the second.
    HeaderRules::new(request.clone(), HeaderChanges::default()).map_err(|error| ("request_headers", error))?;
    HeaderRules::new(request, response).map_err(|error| ("response_headers", error))
}

/// The rules that a form asks for.
pub(super) fn entered(form: &Entered) -> Result<HeaderRules, CoreError> {
    let rules = rules(form.text("request_headers"), form.text("response_headers"));
    rules.map_err(|(field, error)| super::invalid(field, error))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_changes_are_the_same() {
        let lines = "x-frame-options: DENY\nx-note: a: b\n-server";
        let read = changes("X-Note: a: b\r\n\r\n -Server \nX-Frame-Options:DENY").unwrap_or_default();
        assert_eq!(in_lines(&read), lines);
        assert_eq!(changes(lines).as_ref(), Ok(&read));
    }

    #[test]
    fn the_wrong_field_is_named() {
        let field = |request, response| rules(request, response).err().map(|(field, _)| field);
        assert_eq!(field("no colon", ""), Some("request_headers"));
        assert_eq!(field("a: b\n-a", ""), Some("request_headers"));
        assert_eq!(field("", "Host: x"), Some("response_headers"));
        assert_eq!(field("a: 1\nA: 2", ""), Some("request_headers"));
        assert_eq!(field("a: b", "-b"), None);
    }
}
