//! Bearer tokens.

use http::{HeaderMap, header};

/// A request does not say one bearer token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// Who reads another one than we do takes it for somebody else's.
    #[error("send one Authorization header, not several")]
    Several,
    /// There is something else.
    #[error("the Authorization header should read: Bearer <access token>")]
    Malformed,
}

/// The bearer token of a request (RFC 6750 section 2.1); `None` when there is no `Authorization`.
///
/// # Errors
/// `Several`, `Malformed`.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, BearerError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(BearerError::Several);
    }
    let credentials = line.to_str().ok().and_then(|line| line.split_once(' '));
    let token = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.filter(|token| !token.is_empty()).map(Some).ok_or(BearerError::Malformed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn one_token_or_none() {
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&["Bearer a.b.c"], Ok(Some("a.b.c"))),
            (&["bearer  sbp_x "], Ok(Some("sbp_x"))),
            (&["Bearer a", "Bearer a"], Err(BearerError::Several)),
            (&["Bearer"], Err(BearerError::Malformed)),
            (&["Bearer  "], Err(BearerError::Malformed)),
            (&["Basic YTpi"], Err(BearerError::Malformed)),
            (&["Bearer\ta"], Err(BearerError::Malformed)),
        ] {
            let headers: HeaderMap = lines.iter().map(|line| (header::AUTHORIZATION, line.parse().unwrap())).collect();
            assert_eq!(bearer(&headers), expected, "{lines:?}");
        }
    }
}
