//! A process that stood still: stopped by a signal, suspended with its machine, or not there at all. Steps went on meanwhile,
//! and their ends are heard of late. Pure.

use std::collections::HashSet;
use std::time::Duration;

use super::message::Message;
use crate::pipeline::TaskIndex;
use crate::run::{Elapsed, Input};

/// A deadline that is looked at so late was not missed by a busy process: it stood still.
const LATE: Duration = Duration::from_millis(500);
/// As long as jobs are silent until nothing more is expected of them.
const SILENCE: Duration = Duration::from_millis(250);
/// As long as jobs are heard at most: one that never falls silent does not put a deadline off for ever.
const LONGEST: Duration = Duration::from_secs(5);

/// Until when jobs are heard before a deadline counts that was noticed so late, when they said something at `heard` last.
/// `None` when it was noticed in time.
pub(super) fn hear_until(deadline: Elapsed, noticed: Elapsed, heard: Elapsed) -> Option<Elapsed> {
    (noticed.since(deadline) >= LATE).then(|| (heard + SILENCE).min(noticed + LONGEST))
}

/// Whether nothing is to be heard any more: the end of every attempt that goes on is among the messages.
pub(super) fn all_reported(running: &HashSet<(TaskIndex, u32)>, messages: &[Message]) -> bool {
    let ended: HashSet<_> = messages.iter().filter_map(ended).collect();
    running.is_subset(&ended)
}

fn ended(message: &Message) -> Option<(TaskIndex, u32)> {
    match message {
        Message::Input(Input::AttemptEnded { task, attempt, .. }) => Some((*task, *attempt)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::AttemptEnd;

    const fn at(millis: u64) -> Elapsed {
        Elapsed::from_millis(millis)
    }

    #[test]
    fn a_deadline_that_is_noticed_in_time_counts_at_once() {
        assert_eq!(hear_until(at(1000), at(1000), at(1000)), None);
        assert_eq!(hear_until(at(1000), at(1499), at(1499)), None);
    }

    #[test]
    fn after_a_standstill_jobs_are_heard_until_they_fall_silent_but_not_for_ever() {
        assert_eq!(hear_until(at(1000), at(1500), at(1500)), Some(at(1750)));
        assert_eq!(hear_until(at(1000), at(1500), at(1700)), Some(at(1950)));
        assert_eq!(hear_until(at(1000), at(1500), at(9000)), Some(at(6500)));
    }

    #[test]
    fn nothing_is_to_be_heard_once_every_attempt_has_ended() {
        let (one, two) = ((TaskIndex(1), 1), (TaskIndex(2), 3));
        let ended = |(task, attempt)| {
            let end = AttemptEnd::Succeeded { outputs: Default::default(), commit: None };
            Message::Input(Input::AttemptEnded { task, attempt, end })
        };
        let running = HashSet::from([one, two]);
        assert!(!all_reported(&running, &[ended(one), Message::Slots(1), ended((TaskIndex(2), 2))]));
        assert!(all_reported(&running, &[ended(one), ended(two)]));
        assert!(all_reported(&HashSet::new(), &[]));
    }
}
