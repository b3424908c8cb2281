//! `runs` and `show`.

use super::fixtures::{at, ended, run_id, start};
use crate::cli::paint::Paint;
use crate::cli::{runs, show};
use crate::run::{Elapsed, Now, RunStatus, Seq};
use crate::store::{RunDigest, RunListing};

fn listing(pipeline: &str, number: u64, status: RunStatus, ended: Option<i64>) -> RunListing {
    let now = |millis: i64| Now { wall: at(millis), elapsed: Elapsed::from_millis(millis as u64) };
    RunListing {
        id: run_id(),
        number,
        pipeline: pipeline.to_owned(),
        trigger: "manual".to_owned(),
        actor: String::new(),
        rerun_of: None,
        created: Now { wall: start(), elapsed: Elapsed::from_millis(0) },
        digest: RunDigest {
            status,
            started: (status != RunStatus::Queued).then(|| now(0)),
            finished: ended.map(now),
            released: ended.is_some(),
        },
        last: Seq(1),
    }
}

#[test]
fn runs_are_a_table() {
    let runs = [
        listing("hello", 12, RunStatus::Queued, None),
        listing("größer", 7, RunStatus::TimedOut, Some(3_600_000)),
        listing("hello", 11, RunStatus::Succeeded, Some(812)),
    ];
    insta::assert_snapshot!(runs::as_table(&runs, Paint::off()).join("\n"));
}

#[test]
fn a_run_is_shown_with_causes_and_outputs() {
    insta::assert_snapshot!(show::as_lines(&ended(), Paint::off()).join("\n"));
}
