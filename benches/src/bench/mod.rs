//! The benchmarks.

mod docker;
mod events;
mod kubernetes;
mod lines;
mod planning;
mod queued;
mod replay;
mod start;
mod steps;
mod store;

use crate::measure::Failure;
use crate::table::Row;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Tiny counts.
    pub(crate) quick: bool,
    /// How often each is measured.
    pub(crate) repeat: usize,
}

impl Effort {
    /// A count, or a tiny one.
    pub(crate) fn count(self, full: usize, tiny: usize) -> usize {
        if self.quick { tiny } else { full }
    }
}

/// A benchmark.
pub(crate) struct Bench {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Whether it takes so long that it must be named.
    pub(crate) long: bool,
    /// Measures.
    pub(crate) run: fn(Effort) -> Result<Vec<Row>, Failure>,
}

/// All of them.
pub(crate) const BENCHES: &[Bench] = &[
    Bench { name: "steps", long: false, run: steps::run },
    Bench { name: "lines", long: false, run: lines::million },
    Bench { name: "start", long: false, run: start::run },
    Bench { name: "planning", long: false, run: planning::run },
    Bench { name: "replay", long: false, run: replay::run },
    Bench { name: "events", long: true, run: events::run },
    Bench { name: "queued", long: false, run: queued::run },
    Bench { name: "docker", long: true, run: docker::run },
    Bench { name: "kubernetes", long: true, run: kubernetes::run },
    Bench { name: "store", long: true, run: store::run },
    Bench { name: "log", long: true, run: lines::gibibyte },
];
