//! A text as a QR code, drawn on the server.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// The light border that readers need (ISO/IEC 18004), modules.
const QUIET: i32 = 4;

/// The picture; `None`: the text is too long for one. `label` says what it is for those who do not see it.
pub fn qr_code(text: &str, label: &'static str) -> Option<AnyView> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a text does not fail.
            let _written = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    let side = code.size() + 2 * QUIET;
    Some(
        view! {
            <svg class="qr" viewBox=format!("0 0 {side} {side}") role="img" aria-label=label shape-rendering="crispEdges">
                <rect width=side height=side fill="#fff" />
                <path d=path fill="#000" />
            </svg>
        }
        .into_any(),
    )
}
