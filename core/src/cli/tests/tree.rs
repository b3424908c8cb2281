//! The live tree.

use super::fixtures::{at, events, fresh};
use crate::cli::paint::Paint;
use crate::cli::view::{RunView, Size};
use crate::pipeline::TaskId;
use crate::run::TaskStatus;

const ROOM: Size = Size { lines: 40, columns: 80 };

fn view_after(count: usize) -> RunView {
    let mut view = RunView::of(&fresh());
    events().iter().take(count).for_each(|event| view.apply(event));
    view
}

fn drawn(view: &RunView, size: Size) -> String {
    view.draw(at(5_000), size, Paint::off()).join("\n")
}

#[test]
fn a_run_that_waits_shows_all_its_tasks() {
    insta::assert_snapshot!(drawn(&view_after(0), ROOM));
}

#[test]
fn a_run_that_goes_on_shows_times_and_last_lines() {
    let mut view = view_after(6);
    view.said(&TaskId::new("unit[PY=3.11]"), "one passed".to_owned());
    insta::assert_snapshot!(drawn(&view, ROOM));
}

#[test]
fn a_run_that_ended_shows_what_failed() {
    insta::assert_snapshot!(drawn(&view_after(usize::MAX), ROOM));
}

#[test]
fn a_small_terminal_gets_a_folded_tree() {
    insta::assert_snapshot!(drawn(&view_after(18), Size { lines: 8, columns: 80 }));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut view = view_after(6);
    view.said(&TaskId::new("unit[PY=3.11]"), "x".repeat(500));
    let lines = view.draw(at(5_000), Size { lines: 40, columns: 40 }, Paint::off());
    assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:?}");
}

#[test]
fn ten_thousand_tasks_fit_any_terminal() {
    let mut run = fresh();
    let one = run.tasks[0].clone();
    run.tasks = (0..10_000)
        .map(|number| {
            let status = if number % 3 == 0 { TaskStatus::Running } else { TaskStatus::Pending };
            crate::engine::TaskSummary { task: TaskId::new(format!("t{number}")), status, ..one.clone() }
        })
        .collect();
    for lines in [0, 1, 2, 3, 24] {
        let drawn = RunView::of(&run).draw(at(0), Size { lines, columns: 80 }, Paint::off());
        assert!(drawn.len() <= lines.max(2), "{} lines in a terminal of {lines}", drawn.len());
    }
}
