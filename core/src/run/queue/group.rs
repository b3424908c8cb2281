//! A concurrency group: who is in it, and whom a newer run makes go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::QueuedRun;
use crate::pipeline::{OnConflict, PipelineName, PlannedConcurrency};
use crate::run::RunId;

/// A member of a group, and whether it is being cancelled already.
pub(super) type Member = (RunId, bool);

/// The runs of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) active: BTreeSet<RunId>,
    pub(super) waiting: BTreeSet<RunId>,
    /// Those that wait and do not just queue.
    pub(super) strict: BTreeSet<RunId>,
    /// The lines with runs that wait for a place, by their limit.
    lines: BTreeMap<u32, BTreeSet<(PipelineName, i32)>>,
}

impl Group {
    pub(super) fn members(&self) -> usize {
        self.active.len() + self.waiting.len()
    }

    pub(super) fn enter(
        &mut self,
        run: RunId,
        concurrency: &PlannedConcurrency,
        (pipeline, priority): (&PipelineName, i32),
    ) {
        self.waiting.insert(run);
        if concurrency.on_conflict != OnConflict::Queue {
            self.strict.insert(run);
        }
        self.lines.entry(concurrency.limit).or_default().insert((pipeline.clone(), priority));
    }

    /// Takes out a run that waits, and a line with this limit that has no other.
    pub(super) fn leave(&mut self, run: RunId, line: Option<(u32, &PipelineName, i32)>) {
        self.waiting.remove(&run);
        self.strict.remove(&run);
        if let Some((limit, pipeline, priority)) = line
            && let Some(lines) = self.lines.get_mut(&limit)
        {
            lines.remove(&(pipeline.clone(), priority));
            if lines.is_empty() {
                self.lines.remove(&limit);
            }
        }
    }

    /// The lines for which the group is full with so many active runs, and is not with one less.
    pub(super) fn lines_with_limit(&self, active: usize) -> Vec<(PipelineName, i32, u32)> {
        let Ok(limit) = u32::try_from(active) else { return Vec::new() };
        let lines = self.lines.get(&limit).into_iter().flatten();
        lines.map(|(pipeline, priority)| (pipeline.clone(), *priority, limit)).collect()
    }
}

/// What `cancelOlder` and `reject` say about the waiting runs of a group, oldest first, with those that go on before them:
/// who makes whom go, and who is refused.
pub(super) fn settle<'a>(
    mut members: VecDeque<Member>,
    waiting: impl Iterator<Item = &'a QueuedRun>,
    cancel: &mut Vec<(RunId, RunId)>,
    reject: &mut Vec<RunId>,
) {
    for queued in waiting {
        let Some(concurrency) = &queued.concurrency else { continue };
        let limit = concurrency.limit as usize;
        match concurrency.on_conflict {
            OnConflict::Reject if members.len() >= limit => {
                reject.push(queued.run);
                continue;
            }
            OnConflict::CancelOlder => {
                while members.len() >= limit.max(1) {
                    let Some((older, cancelling)) = members.pop_front() else { break };
                    if !cancelling {
                        cancel.push((queued.run, older));
                    }
                }
            }
            OnConflict::Queue | OnConflict::Reject => {}
        }
        members.push_back((queued.run, false));
    }
}
