use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::{LogLimits, LogPosition, LogStore, NoMask};
use crate::pipeline::TaskId;
use crate::run::{RunId, StepKey};

#[cfg(feature = "sqlite")]
mod copying;
mod masking;
mod measure;
mod recovery;
mod search;
mod stamped;
mod writing;

fn key() -> StepKey {
    StepKey { run: RunId::new(Uuid::from_u128(7)), task: TaskId::new("unit[PY=3.11]"), attempt: 1 }
}

fn store() -> (TempDir, LogStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::new(folder.path().join("logs"));
    (folder, store)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// Writes a whole log without masks, in one go.
fn write(store: &LogStore, bytes: &[u8]) {
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(bytes, at(0)).unwrap();
    writer.finish(at(1)).unwrap();
}
