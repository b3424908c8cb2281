//! The engine's slots for running tasks, shared fairly between runs. The decision is `run::queue::grant`; this only counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::run::RunId;
use crate::run::queue::grant;

/// The engine's slots.
#[derive(Debug)]
pub(crate) struct Slots {
    total: usize,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    held: BTreeMap<RunId, usize>,
    wanted: BTreeMap<RunId, usize>,
}

impl Books {
    fn free(&self, total: usize) -> usize {
        total.saturating_sub(self.held.values().sum())
    }

    fn give_back(&mut self, run: RunId, count: usize) {
        if let Some(held) = self.held.get_mut(&run) {
            *held = held.saturating_sub(count);
            if *held == 0 {
                self.held.remove(&run);
            }
        }
    }
}

impl Slots {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, books: Mutex::default() }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Gives back what a run no longer uses, says how many more it wants now, and returns how many of them it gets and who
    /// else got some. What it does not get now comes later, when somebody gives back.
    pub(crate) fn exchange(&self, run: RunId, freed: usize, wanted: usize) -> (usize, Vec<(RunId, usize)>) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.give_back(run, freed);
        match wanted {
            0 => books.wanted.remove(&run),
            wanted => books.wanted.insert(run, wanted),
        };
        let mut granted = self.hand_out(&mut books);
        let own = granted.iter().position(|(other, _)| *other == run).map_or(0, |at| granted.swap_remove(at).1);
        (own, granted)
    }

    /// Counts slots that a recovered run uses already, even beyond the limit.
    pub(crate) fn take(&self, run: RunId, count: usize) {
        if count > 0 {
            let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
            *books.held.entry(run).or_default() += count;
        }
    }

    /// Forgets a run that is over, and returns who gets what it held.
    pub(crate) fn forget(&self, run: RunId) -> Vec<(RunId, usize)> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.held.remove(&run);
        books.wanted.remove(&run);
        self.hand_out(&mut books)
    }

    fn hand_out(&self, books: &mut Books) -> Vec<(RunId, usize)> {
        if books.wanted.is_empty() {
            return Vec::new();
        }
        let wanting: Vec<_> = books
            .wanted
            .iter()
            .map(|(run, wanted)| (*run, *wanted, books.held.get(run).copied().unwrap_or(0)))
            .collect();
        let granted = grant(books.free(self.total), &wanting);
        for (run, count) in &granted {
            *books.held.entry(*run).or_default() += count;
            if let Some(wanted) = books.wanted.get_mut(run) {
                *wanted = wanted.saturating_sub(*count);
                if *wanted == 0 {
                    books.wanted.remove(run);
                }
            }
        }
        granted
    }
}
