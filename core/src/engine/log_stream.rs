//! The log of one attempt, from an offset to its end, as it grows.

use bytes::Bytes;

use super::archive::Archive;
use super::events::EventStream;
use crate::error::Result;
use crate::run::{RunEvent, StepKey};

/// The stored log of one attempt. Ends when the attempt has ended, or the run before it started.
///
/// To go on later, keep [`LogStream::offset`].
#[derive(Debug)]
pub struct LogStream {
    archive: Archive,
    events: EventStream,
    key: StepKey,
    offset: u64,
}

impl LogStream {
    pub(super) fn new(archive: Archive, events: EventStream, key: StepKey, from: u64) -> Self {
        Self { archive, events, key, offset: from }
    }

    /// The offset of the byte that comes next.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece; `None` after the last one. Dropping the future loses nothing: the next call gives the same piece.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(fact) = self.events.peek_fact().await? {
            match &fact.event {
                RunEvent::LogAppended { task, attempt, to, .. } if self.is_of(task, *attempt) && *to > self.offset => {
                    let length = usize::try_from(to - self.offset).unwrap_or(usize::MAX);
                    let piece = self.archive.log_bytes(self.key.clone(), self.offset, length).await?;
                    self.offset = *to;
                    self.events.take_fact();
                    return Ok(Some(piece));
                }
                RunEvent::AttemptFinished { task, attempt, .. } if self.is_of(task, *attempt) => return Ok(None),
                _ => self.events.take_fact(),
            }
        }
        Ok(None)
    }

    fn is_of(&self, task: &crate::pipeline::TaskId, attempt: u32) -> bool {
        self.key.task == *task && self.key.attempt == attempt
    }
}
