//! What is recorded of requests.

use domain::CaptureLevel;

use super::{parse, reader::Reader, setting};

/// What is recorded of requests.
#[derive(Debug, Clone)]
pub struct Capture {
    /// `capture_level`: how much, where the owner has not said anything.
    pub level: CaptureLevel,
    /// `capture_rate`: of how many in a second at most; zero for none.
    pub rate: u32,
    /// `capture_disk`: how much all together may take, bytes.
    pub disk: u64,
}

impl Capture {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            level: reader.take(&setting::CAPTURE_LEVEL, parse::capture_level, CaptureLevel::default()),
            rate: reader.take(&setting::CAPTURE_RATE, parse::rate(100_000), 1_000),
            disk: reader.take(&setting::CAPTURE_DISK, parse::size, 2 << 30),
        }
    }
}
