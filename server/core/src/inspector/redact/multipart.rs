//! Masking the values of fields in `multipart/form-data` (RFC 7578).

use masking::{MASK, Names};
use memchr::memmem;

/// The body with the values of these fields masked; `Ok(None)` when there are none, an error when it is none such.
pub(super) fn mask(body: &[u8], content_type: &str, names: &Names) -> Result<Option<Vec<u8>>, ()> {
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty()).ok_or(())?;
    let delimiter = format!("--{boundary}");
    let mut rest = memmem::find(body, delimiter.as_bytes()).ok_or(())? + delimiter.len();
    let between = format!("\r\n{delimiter}");
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    while let Some(length) = memmem::find(&body[rest..], b"\r\n\r\n") {
        let head = &body[rest..rest + length];
        let start = rest + length + 4;
        // A part without content may share its empty line's end with the delimiter.
        let end = memmem::find(&body[start - 2..], between.as_bytes()).map(|at| (start - 2 + at).max(start));
        if name_of(head).is_none_or(|name| names.have_plain(&name)) {
            let out = out.get_or_insert_default();
            out.extend_from_slice(&body[copied..start]);
            out.extend_from_slice(MASK.as_bytes());
            copied = end.unwrap_or(body.len());
        }
        match end {
            Some(end) => rest = (end + between.len()).min(body.len()),
            None => break,
        }
    }
    Ok(out.map(|mut out| {
        out.extend_from_slice(&body[copied..]);
        out
    }))
}

/// What a part's head calls its field. `None`: that is not to be seen.
fn name_of(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    parameter(disposition?, "name")
}

/// A parameter of a field's value.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value;
    while let Some(at) = rest.find(';') {
        rest = rest[at + 1..].trim_start();
        let (key, after) = rest.split_once('=')?;
        let (text, behind) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(text.trim().to_owned());
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"x y\"";

    fn masked(body: &str) -> Result<Option<String>, ()> {
        let names = Names::new(["pin"]);
        Ok(mask(body.as_bytes(), TYPE, &names)?.map(|out| String::from_utf8(out).unwrap()))
    }

    #[test]
    fn fields_are_masked() {
        let part = |name: &str, value: &str| {
            format!("--x y\r\nContent-Disposition: form-data; filename=\"a;b\"; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = part("a", "1") + &part("PIN", "SECRET\r\n--x\r\nSECRET") + &part("b", "2") + "--x y--\r\n";
        let expected = part("a", "1") + &part("PIN", MASK) + &part("b", "2") + "--x y--\r\n";
        assert_eq!(masked(&body).unwrap().unwrap(), expected);
        let cut = part("a", "1") + &part("pin", "SECRET").replace("\r\n\r\nSECRET\r\n", "\r\n\r\nSECR");
        assert!(masked(&cut).unwrap().unwrap().ends_with(MASK));
        assert_eq!(masked(&(part("a", "1") + "--x y--")), Ok(None));
        assert_eq!(masked("no boundary"), Err(()));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(pieces in proptest::collection::vec("(--x y|\r\n|\r\n\r\n|a|name=|;|:|\"){0,3}", 0..12)) {
            masked(&pieces.concat()).ok();
        }
    }
}
