//! What a failed assertion says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::stages;
use crate::testing::{Script, TestOutcome};

fn message(assertion: impl FnOnce(&TestOutcome), outcome: &TestOutcome) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| assertion(outcome))).expect_err("the assertion should fail");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

async fn outcome() -> TestOutcome {
    stages("Build: [{name: unit, script: x, retry: {attempts: 2, backoff: 1m}, matrix: {PY: ['3.11', '3.12']}}, {name: lint, script: x}]")
        .task("unit[PY=3.12]", Script::fails(1).log("3 failed"))
        .task("unit[PY=3.11]", Script::succeeds().after(Duration::from_secs(1)))
        .run()
        .await
        .unwrap()
}

#[tokio::test]
async fn it_shows_the_state_of_every_task_and_the_end_of_the_logs() {
    let text = message(
        |outcome| {
            outcome.assert_succeeded();
        },
        &outcome().await,
    );
    insta::assert_snapshot!(text, @r"
    the run should be succeeded, and is failed
      web failed after 1m: x ended with exit code 1
      Build / unit[PY=3.11]  succeeded
      Build / unit[PY=3.12]  failed     2 attempts  exitCode: x ended with exit code 1
      Build / lint           skipped    earlierFailure: unit[PY=3.12] failed before it
      unit[PY=3.12] printed at its end:
        3 failed
    ");
}

#[tokio::test]
async fn it_says_in_its_first_line_what_was_wanted() {
    let outcome = outcome().await;
    let first = |assertion: fn(&TestOutcome)| message(assertion, &outcome).lines().next().unwrap().to_owned();
    assert_eq!(
        first(|o| {
            o.assert_task("unit").succeeded().attempts(1);
        }),
        "\"unit[PY=3.12]\" should be succeeded, and is failed"
    );
    assert_eq!(
        first(|o| {
            o.assert_ran("lint");
        }),
        "\"lint\" should be succeeded, and is skipped"
    );
    assert_eq!(
        first(|o| {
            o.assert_task("unit[PY=3.12]").failed_with("timeout");
        }),
        "\"unit[PY=3.12]\" should fail with the cause \"timeout\", and its cause is \"exitCode\""
    );
    assert_eq!(
        first(|o| {
            o.assert_task("unit[PY=3.12]").attempts(1);
        }),
        "\"unit[PY=3.12]\" should have 1 attempts, and has 2"
    );
    assert_eq!(
        first(|o| {
            o.assert_task("unit[PY=3.11]").env("PY", "3.12");
        }),
        "\"unit[PY=3.11]\" should get PY=\"3.12\", and got Some(\"3.11\")"
    );
    assert_eq!(
        first(|o| {
            o.assert_task("unit[PY=3.11]").output("N", "1");
        }),
        "\"unit[PY=3.11]\" should have the output N=\"1\", and has None"
    );
    assert_eq!(
        first(|o| {
            o.assert_task("unit[PY=3.12]").printed("4 failed");
        }),
        "\"unit[PY=3.12]\" should print \"4 failed\", and printed \"3 failed\\n\""
    );
    assert_eq!(
        first(|o| {
            o.assert_order(["unit[PY=3.12]", "unit[PY=3.11]"]);
        }),
        "\"unit[PY=3.11]\" should start after the end of \"unit[PY=3.12]\", and did not"
    );
    assert_eq!(
        first(|o| {
            o.assert_order(["unit", "lint"]);
        }),
        "\"lint\" was never started"
    );
    assert_eq!(
        first(|o| {
            o.log("unit");
        }),
        "\"unit\" has several instances, and one is wanted here: unit[PY=3.11], unit[PY=3.12]"
    );
    assert_eq!(
        first(|o| {
            o.assert_task("nobody");
        }),
        "the run has no task \"nobody\""
    );
    assert_eq!(
        first(|o| {
            o.env("lint");
        }),
        "\"lint\" was never started as a step"
    );
}

#[tokio::test]
async fn it_points_at_the_line_of_the_test() {
    let outcome = outcome().await;
    let place = Arc::new(Mutex::new(None));
    let (seen, this) = (place.clone(), std::thread::current().id());
    let before = Arc::new(std::panic::take_hook());
    let others = before.clone();
    // Other tests panic at the same time.
    std::panic::set_hook(Box::new(move |info| match std::thread::current().id() == this {
        true => *seen.lock().unwrap() = info.location().map(|place| place.file().to_owned()),
        false => others(info),
    }));
    let assertions: [fn(&TestOutcome); 6] = [
        |o| {
            o.assert_succeeded();
        },
        |o| {
            o.assert_task("unit").succeeded();
        },
        |o| {
            o.assert_order(["unit", "lint"]);
        },
        |o| {
            o.assert_side_by_side(["unit", "lint"]);
        },
        |o| {
            o.env("lint");
        },
        |o| {
            o.log("nobody");
        },
    ];
    let places = assertions.map(|assertion| {
        message(assertion, &outcome);
        place.lock().unwrap().take().unwrap_or_default()
    });
    std::panic::set_hook(Box::new(move |info| before(info)));
    assert!(places.iter().all(|place| place.ends_with("messages.rs")), "{places:?}");
}
