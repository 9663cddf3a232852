//! Which encoding a client gets (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header};

/// An encoding that a file is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// Its name in `Content-Encoding`, which is left out for files as they are.
    pub(super) fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}

/// The encoding the client likes best; of those it likes equally the smallest. A client that refuses everything gets the
/// file as it is.
pub(super) fn choose(request: &HeaderMap, has_brotli: bool, has_gzip: bool) -> Encoding {
    let accepted = Accepted::from(request);
    let candidates = [(Encoding::Brotli, "br", has_brotli), (Encoding::Gzip, "gzip", has_gzip)];
    let compressed = candidates.into_iter().filter(|(_, _, present)| *present);
    let weighed = compressed.map(|(encoding, token, _)| (encoding, accepted.weight(token).unwrap_or(0)));
    // `max_by_key` returns the last of equals, and Brotli is the smaller.
    let best = weighed.rev().max_by_key(|(_, weight)| *weight);
    match best {
        // Not naming `identity` says only that it may be sent, not that it is wanted.
        Some((encoding, weight)) if weight > 0 && weight >= accepted.named("identity").unwrap_or(0) => encoding,
        _ => Encoding::Identity,
    }
}

/// Codings with their weights in thousandths.
struct Accepted(Vec<(String, u16)>);

impl Accepted {
    fn from(request: &HeaderMap) -> Self {
        let lines = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
        Self(lines.flat_map(|line| line.split(',')).filter_map(element).collect())
    }

    fn named(&self, token: &str) -> Option<u16> {
        self.0.iter().find(|(found, _)| found == token).map(|(_, weight)| *weight)
    }

    /// The weight of a coding; `*` stands for those not named.
    fn weight(&self, token: &str) -> Option<u16> {
        self.named(token).or_else(|| self.named("*"))
    }
}

/// `gzip`, or `gzip;q=0.5`. What is malformed counts for nothing.
fn element(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let mut coding = parts.next()?.to_ascii_lowercase();
    if coding == "x-gzip" {
        coding = "gzip".to_owned();
    }
    let weight = match parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))) {
        Some(weight) => thousandths(weight.parse().ok()?)?,
        None => 1000,
    };
    (!coding.is_empty()).then_some((coding, weight))
}

fn thousandths(weight: f32) -> Option<u16> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie between 0 and 1")]
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u16)
}
