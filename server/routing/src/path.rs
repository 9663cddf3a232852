//! The form in which paths are compared.

use std::borrow::Cow;

use domain::percent;

/// Why a path cannot be compared with mounts: the request is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash, as the `*` of `OPTIONS *`.
    #[error("the path does not begin with /")]
    Relative,
    /// `%` without two hexadecimal digits. What one server takes for itself another may decode.
    #[error("two hexadecimal digits must follow a % in the path")]
    Escape,
}

/// Brings the path of a request, without its query, into the form in which it is compared with mounts; an empty one is
/// `/`. Nearly every path is in that form already and is borrowed.
///
/// It is the form of RFC 3986 section 6.2.2: escapes of unreserved characters are decoded, all others are in capitals,
/// and what may not stand in a path as it is becomes an escape. Then dot segments are taken out (section 5.2.4), also
/// those that were written `%2e`; what climbs above the root stays at the root.
///
/// What servers disagree about is not touched, since guessing differently from the backend is how a request comes past
/// the mount that was meant to take it:
/// - `%2F` is a character of a name, not a slash (section 2.2), so `/a%2Fb` is one segment and no mount `/a` covers it;
/// - `\` is a character of a name too, and compares as `%5C`;
/// - `//` has an empty segment in the middle. Many servers tell `/a//b` from `/a/b`, and no mount contains one.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, PathError> {
    let Some(rest) = path.strip_prefix('/') else {
        return if path.is_empty() { Ok(Cow::Borrowed("/")) } else { Err(PathError::Relative) };
    };
    if is_normal(path.as_bytes())? {
        return Ok(Cow::Borrowed(path));
    }
    let mut out = String::with_capacity(path.len());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let start = out.len();
        out.push('/');
        push_segment(&mut out, segment)?;
        match &out[start..] {
            "/." => out.truncate(start),
            "/.." => out.truncate(out[..start].rfind('/').unwrap_or(0)),
            _ => continue,
        }
        if segments.peek().is_none() {
            out.push('/');
        }
    }
    Ok(Cow::Owned(out))
}

/// What a byte may mean for the form of a path.
const PLAIN: u8 = 0;
const DOT: u8 = 1;
const ESCAPE: u8 = 2;
const FOREIGN: u8 = 3;

const KINDS: [u8; 256] = {
    let mut kinds = [FOREIGN; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if percent::is_segment_byte(byte) || byte == b'/' {
            kinds[byte as usize] = PLAIN;
        }
        byte += 1;
    }
    kinds[b'.' as usize] = DOT;
    kinds[b'%' as usize] = ESCAPE;
    kinds
};

/// Whether nothing is to be done.
fn is_normal(path: &[u8]) -> Result<bool, PathError> {
    for (at, byte) in path.iter().enumerate() {
        let normal = match KINDS[usize::from(*byte)] {
            PLAIN => true,
            DOT => path[at - 1] != b'/' || !begins_with_dots(&path[at..]),
            ESCAPE => is_normal_escape(&path[at..])?,
            _ => false,
        };
        if !normal {
            return Ok(false);
        }
    }
    Ok(true)
}

fn begins_with_dots(rest: &[u8]) -> bool {
    matches!(rest, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

fn is_normal_escape(rest: &[u8]) -> Result<bool, PathError> {
    let byte = percent::decode(rest).ok_or(PathError::Escape)?;
    let capitals = rest.iter().take(3).all(|digit| !digit.is_ascii_lowercase());
    Ok(capitals && !percent::is_unreserved(byte))
}

fn push_segment(out: &mut String, segment: &str) -> Result<(), PathError> {
    let mut bytes = segment.as_bytes();
    while let Some(byte) = bytes.first() {
        let mut taken = 1;
        if *byte == b'%' {
            percent::push(out, percent::decode(bytes).ok_or(PathError::Escape)?);
            taken = 3;
        } else if percent::is_segment_byte(*byte) {
            out.push(char::from(*byte));
        } else {
            percent::push_escape(out, *byte);
        }
        bytes = &bytes[taken..];
    }
    Ok(())
}
