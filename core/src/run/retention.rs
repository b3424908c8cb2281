//! Which finished runs are no longer kept.

use std::collections::HashMap;
use std::time::Duration;

use super::id::RunId;
use super::time::Elapsed;

/// How long finished runs are kept. Without any limit, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// So many finished runs of each pipeline, the newest ones.
    pub runs_per_pipeline: Option<usize>,
    /// So long after their end.
    pub age: Option<Duration>,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    /// The run.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: String,
    /// When it ended.
    pub finished: Elapsed,
}

/// The runs that go, oldest first: those beyond the newest ones of their pipeline, and those that ended longer ago than `age`.
/// Of two that ended at the same moment the one with the larger id is the newer.
pub fn expired(finished: &[FinishedRun], policy: &RetentionPolicy, now: Elapsed) -> Vec<RunId> {
    let mut newest_first: Vec<_> = finished.iter().collect();
    newest_first.sort_by_key(|run| std::cmp::Reverse((run.finished, run.run)));
    let (mut newer, mut gone) = (HashMap::<&str, usize>::new(), Vec::new());
    for run in newest_first {
        let newer = newer.entry(&run.pipeline).or_default();
        let too_many = policy.runs_per_pipeline.is_some_and(|most| *newer >= most);
        let too_old = policy.age.is_some_and(|age| now.since(run.finished) > age);
        gone.extend((too_many || too_old).then_some(run.run));
        *newer += 1;
    }
    gone.reverse();
    gone
}
