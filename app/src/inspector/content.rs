//! What a body is, and how it can be looked at.

use super::{Json, Outline};

/// The largest picture that a page holds, bytes.
const LARGEST_PICTURE: usize = 2 * 1024 * 1024;

/// A way to look at a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Its JSON, folded.
    Json,
    /// The fields of a form.
    Form,
    /// The picture that it is.
    Image,
    /// As text.
    Text,
    /// Byte by byte.
    Hex,
    /// Head and body as they were received.
    Raw,
}

/// A body with what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its bytes, without `Content-Encoding`.
    pub bytes: Vec<u8>,
    /// Whether it is only the beginning.
    pub cut: bool,
    /// Its media type, without parameters, in lower case.
    pub media_type: String,
}

/// A kind of picture that browsers draw and that cannot hold anything but a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raster {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
    /// BMP.
    Bmp,
    /// An icon.
    Ico,
}

// === impl View ===

impl View {
    /// All of them, the most telling first.
    pub const ALL: [Self; 6] = [Self::Json, Self::Form, Self::Image, Self::Text, Self::Hex, Self::Raw];

    /// The name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Form => "form",
            Self::Image => "image",
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Raw => "raw",
        }
    }

    /// The name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Form => "Form",
            Self::Image => "Image",
            Self::Text => "Text",
            Self::Hex => "Hex",
            Self::Raw => "Raw",
        }
    }

    /// The one that an address names.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == name)
    }
}

// === impl Content ===

impl Content {
    /// The ways to look at it, the most telling first.
    pub fn views(&self) -> Vec<View> {
        View::ALL.into_iter().filter(|view| self.can_be(*view)).collect()
    }

    fn can_be(&self, view: View) -> bool {
        match view {
            View::Json => self.json().is_some(),
            View::Form => self.media_type == "application/x-www-form-urlencoded" && self.text().is_some(),
            View::Image => self.picture().is_some(),
            View::Text => self.text().is_some(),
            View::Hex => !self.bytes.is_empty(),
            View::Raw => true,
        }
    }

    /// It as text, when it is one. A character that was cut in two is left out.
    pub fn text(&self) -> Option<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text),
            Err(error) if self.cut && error.error_len().is_none() => {
                std::str::from_utf8(&self.bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        }
        .filter(|text| !text.is_empty() && !text.contains('\0'))
    }

    /// Its JSON. A single number or word is not worth a tree, unless it says that it is JSON.
    pub fn json(&self) -> Option<Outline> {
        let says_so = self.media_type == "application/json" || self.media_type.ends_with("+json");
        let text = self.text()?;
        let looks_so = text.trim_start().starts_with(['{', '[']);
        let outline = (says_so || looks_so).then(|| Outline::of(text, self.cut))??;
        (says_so || matches!(outline.value, Json::Object(_) | Json::List(_))).then_some(outline)
    }

    /// The picture that it is by its first bytes, whatever its type says, when all of it is there.
    pub fn picture(&self) -> Option<Raster> {
        let is_whole = !self.cut && self.bytes.len() <= LARGEST_PICTURE;
        is_whole.then(|| Raster::of(&self.bytes)).flatten()
    }
}

// === impl Raster ===

impl Raster {
    fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Png,
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Webp,
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Self::Avif,
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Self::Bmp,
            [0, 0, 1, 0, 1..=32, 0, ..] => Self::Ico,
            _ => return None,
        })
    }

    /// Its media type, as we name it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Bmp => "image/bmp",
            Self::Ico => "image/x-icon",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(media_type: &str, bytes: &[u8], cut: bool) -> Content {
        Content { bytes: bytes.to_owned(), cut, media_type: media_type.to_owned() }
    }

    #[test]
    fn the_most_telling_view_comes_first() {
        for (media_type, bytes, first) in [
            ("application/json", br#"{"a":1}"#.as_slice(), View::Json),
            ("text/plain", b"[1, 2]", View::Json),
            ("application/x-www-form-urlencoded", b"a=1&b=2", View::Form),
            ("image/png", b"\x89PNG\r\n\x1a\n....", View::Image),
            ("text/html", b"<script>alert(1)</script>", View::Text),
            ("image/svg+xml", b"<svg onload='alert(1)'/>", View::Text),
            ("image/png", b"<svg onload='alert(1)'/>", View::Text),
            ("text/plain", b"a\0b\xff", View::Hex),
            ("text/plain", b"", View::Raw),
        ] {
            assert_eq!(content(media_type, bytes, false).views().first(), Some(&first), "{media_type}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_is_shown_as_far_as_it_goes() {
        assert_eq!(content("text/plain", b"gr\xc3", true).text(), Some("gr"));
        assert_eq!(content("text/plain", b"gr\xc3", false).text(), None);
        assert!(content("application/json", br#"{"a":[1,2"#, true).json().is_some_and(|outline| outline.cut));
        assert_eq!(content("image/png", b"\x89PNG\r\n\x1a\n....", true).picture(), None);
    }
}
