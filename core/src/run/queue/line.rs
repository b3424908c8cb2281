//! The waiting runs of one pipeline with one priority.

use std::collections::{BTreeSet, HashMap};

use super::QueuedRun;
use crate::run::RunId;

/// What a run waits for beside its turn: none, or a place in a group with this limit. Of the runs of a line that wait for the
/// same, the oldest goes first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(Option<(String, u32)>);

impl Place {
    pub(super) fn of(queued: &QueuedRun) -> Self {
        Self(queued.concurrency.as_ref().map(|concurrency| (concurrency.group.clone(), concurrency.limit)))
    }

    pub(super) fn in_group(group: &str, limit: u32) -> Self {
        Self(Some((group.to_owned(), limit)))
    }

    pub(super) fn group(&self) -> Option<(&str, u32)> {
        self.0.as_ref().map(|(group, limit)| (group.as_str(), *limit))
    }
}

/// The waiting runs of one pipeline with one priority.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    runs: HashMap<Place, BTreeSet<RunId>>,
    /// The oldest run for each place that there is.
    open: BTreeSet<RunId>,
    /// Its entry among those that come next.
    pub(super) shown: Option<(usize, RunId)>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The oldest run for which there is a place.
    pub(super) fn first(&self) -> Option<RunId> {
        self.open.first().copied()
    }

    pub(super) fn enter(&mut self, run: RunId, place: Place, has_room: bool) {
        let runs = self.runs.entry(place).or_default();
        let before = runs.first().copied();
        runs.insert(run);
        if has_room && before.is_none_or(|before| run < before) {
            before.map(|before| self.open.remove(&before));
            self.open.insert(run);
        }
    }

    /// Returns whether it was the last one that waited for this place.
    pub(super) fn leave(&mut self, run: RunId, place: &Place, has_room: bool) -> bool {
        let Some(runs) = self.runs.get_mut(place) else { return false };
        runs.remove(&run);
        let (next, is_last) = (runs.first().copied(), runs.is_empty());
        if is_last {
            self.runs.remove(place);
        }
        if self.open.remove(&run) && has_room {
            self.open.extend(next);
        }
        is_last
    }

    /// The place has become free, or is taken.
    pub(super) fn turn(&mut self, place: &Place, has_room: bool) {
        let Some(first) = self.runs.get(place).and_then(|runs| runs.first()) else { return };
        if has_room {
            self.open.insert(*first);
        } else {
            self.open.remove(first);
        }
    }
}
