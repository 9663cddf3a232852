//! What this process is called and how it works.

use std::{num::NonZero, thread, time::Duration};

use domain::RegionName;

use super::{parse, reader::Reader, setting};

/// More threads than this on one listener cost more than they carry.
const MOST_THREADS: usize = 64;

/// What this process is called and how it works.
#[derive(Debug, Clone)]
pub struct Node {
    /// `data_threads`: threads that carry requests.
    pub data_threads: usize,
    /// `update_interval`: how often the routing table is read anew.
    pub update_interval: Duration,
    /// `region`: where this process lives.
    pub region: Option<RegionName>,
    /// `node`: what this process is called.
    pub name: String,
}

impl Node {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            data_threads: reader
                .take_optional(&setting::DATA_THREADS, parse::count(MOST_THREADS))
                .map_or_else(usual_threads, NonZero::get),
            update_interval: reader.take(&setting::UPDATE_INTERVAL, parse::duration, Duration::from_secs(10)),
            region: reader.take_optional(&setting::REGION, parse::region),
            name: reader.take_optional(&setting::NODE_NAME, parse::name).unwrap_or_else(host_name),
        }
    }
}

/// Half the cores: the kernel's part of the traffic, backends and telephones beside the server, pages and queries need
/// some as well, and a thread that waits for its turn makes all of its connections wait.
fn usual_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2).min(8)
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
