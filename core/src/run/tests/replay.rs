//! A long history is built and read again in little time: nothing looks at all tasks for each event.

use std::sync::Arc;

use super::driver::{at, fresh, queued_event, succeeded};
use super::kit::{Kit, plan};
use crate::run::{Input, Now, RunEvent};

/// The history of a run that logs often; some ten events for each task.
fn history(kit: Kit, logs: u64) -> (Arc<crate::pipeline::Plan>, Vec<(Now, RunEvent)>) {
    let plan = kit.build();
    let mut state = fresh(Arc::clone(&plan));
    state.apply(at(0), &queued_event()).unwrap();
    let mut history = vec![(at(0), queued_event())];
    let mut millis = 0;
    let mut send = |state: &mut crate::run::RunState, input: Input| {
        millis += 1;
        let events = state.settle(input, at(millis)).unwrap();
        history.extend(events.into_iter().map(|event| (at(millis), event)));
    };
    send(&mut state, Input::Admitted);
    send(&mut state, Input::Prepared { generation: 1 });
    loop {
        let wanted = state.slots_wanted().take(8).collect::<Vec<_>>();
        if wanted.is_empty() {
            break;
        }
        wanted.iter().for_each(|&task| send(&mut state, Input::SlotGranted { task }));
        for &task in &wanted {
            for piece in 0..logs {
                let (from, to) = (piece * 10, piece * 10 + 10);
                send(&mut state, Input::LogAppended { task, attempt: 1, from, to, source: to });
            }
            send(&mut state, Input::AttemptEnded { task, attempt: 1, end: succeeded() });
        }
    }
    send(&mut state, Input::Released);
    assert!(state.is_released());
    (plan, history)
}

/// The mean time of one event, so that sizes can be compared.
fn nanos_per_event(tasks: u32) -> u128 {
    let half = tasks / 2;
    let kit = (0..half).fold(plan().parallel("Build"), |kit, task| kit.task(&format!("b{task}"))).parallel("Test");
    let kit = (0..tasks - half).fold(kit, |kit, task| kit.task(&format!("t{task}")));
    let (plan, history) = history(kit, 6);
    let mut state = fresh(plan);
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    let start = std::time::Instant::now();
    for (at, event) in &history {
        state.apply(*at, event).unwrap();
    }
    let taken = start.elapsed();
    assert!(state.is_released());
    println!("{} events of {tasks} tasks: {taken:?}", history.len());
    taken.as_nanos() / history.len() as u128
}

#[test]
fn an_event_of_a_large_run_costs_as_much_as_one_of_a_small_run() {
    let (small, large) = (nanos_per_event(1_000), nanos_per_event(10_000));
    assert!(large < small * 6, "an event costs {small} ns among 1,000 tasks and {large} ns among 10,000");
}

#[test]
fn ten_thousand_pending_tasks_are_skipped_at_once() {
    let kit = (0..10_000)
        .fold(plan().sequential("First").task("first").parallel("Wide"), |kit, task| kit.task(&format!("t{task}")));
    let mut state = fresh(kit.build());
    state.apply(at(0), &queued_event()).unwrap();
    state.settle(Input::Admitted, at(1)).unwrap();
    let events = state.settle(Input::Cancel { by: String::new(), reason: String::new() }, at(2)).unwrap();
    assert_eq!(events.len(), 1 + 10_001 + 1);
}
