//! Checksums of rows: SQLite itself does not notice flipped bits in values.

use super::failure::Failure;
use crate::run::{Now, RunId, Seq};
use crate::store::RunListing;

/// A checksum that is being added up.
#[derive(Default)]
pub(super) struct Checksum(crc32fast::Hasher);

impl Checksum {
    /// A checksum that begins with a run.
    pub(super) fn of_run(run: RunId) -> Self {
        Self::default().run(Some(run))
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// With its length, so that no text can take something from the one after it.
    pub(super) fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// The two columns of a moment.
    pub(super) fn columns(self, (wall, elapsed): (i64, i64)) -> Self {
        self.bytes(&wall.to_le_bytes()).bytes(&elapsed.to_le_bytes())
    }

    pub(super) fn run(self, run: Option<RunId>) -> Self {
        match run {
            Some(run) => self.bytes(run.get().as_bytes()),
            None => self,
        }
    }

    fn moment(self, moment: Option<Now>) -> Self {
        let (wall, elapsed) = moment.map_or((0, u64::MAX), |at| (at.wall.as_nanosecond(), at.elapsed.as_millis()));
        self.bytes(&wall.to_le_bytes()).number(elapsed)
    }

    /// As it is kept.
    pub(super) fn finish(self) -> i64 {
        i64::from(self.0.finalize())
    }

    /// Says that something is damaged when another checksum was written with it.
    pub(super) fn expect(self, written: i64, what: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.finish() == written {
            return Ok(());
        }
        Err(Failure::Damaged(format!("{} does not have the checksum that was written with it", what())))
    }
}

/// The checksum of a row of `runs`. Schema 1 knew neither the actor nor the run that is repeated: a row with neither has
/// the checksum that it had there.
pub(super) fn of_listing(listing: &RunListing) -> Checksum {
    let digest = &listing.digest;
    let sum = Checksum::of_run(listing.id)
        .number(listing.number)
        .text(&listing.pipeline)
        .text(&listing.trigger)
        .bytes(digest.status.as_str().as_bytes())
        .moment(Some(listing.created))
        .moment(digest.started)
        .moment(digest.finished)
        .bytes(&[u8::from(digest.released)])
        .number(listing.last.0);
    if listing.actor.is_empty() && listing.rerun_of.is_none() {
        return sum;
    }
    sum.text(&listing.actor).run(listing.rerun_of)
}

/// The checksum of a row of `events`.
pub(super) fn of_event(run: RunId, seq: Seq, at: (i64, i64), body: &[u8]) -> Checksum {
    Checksum::of_run(run).number(seq.0).columns(at).bytes(body)
}

/// The checksum of a row of `documents`.
pub(super) fn of_document(run: RunId, definition: &str, request: &str, rerun_of: Option<RunId>) -> Checksum {
    Checksum::of_run(run).text(definition).text(request).run(rerun_of)
}
