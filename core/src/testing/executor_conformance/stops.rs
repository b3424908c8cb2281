//! Stopping a step stops everything that it started.

use std::time::Duration;

use super::bench::{Bench, Factory, LogReader};
use crate::executor::{ExecutorError, StepSpec};
use crate::run::StepEnd;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

async fn started(bench: &Bench<'_>, step: &StepSpec) {
    bench.must("start", bench.executor.start(step)).await;
    LogReader::new(bench, &step.key, 0).until(bench, "ready\n").await;
}

/// Fails when the file still grows: then somebody lives who writes to it.
pub(super) async fn is_quiet(bench: &Bench<'_>, file: &str) {
    let look = format!("a=$(wc -c < {file}); sleep 0.3; b=$(wc -c < {file}); [ \"$a\" -gt 0 ]; [ \"$a\" = \"$b\" ]");
    bench.finish_script(&format!("look at {file}"), &look).await.success();
}

/// The signal comes first, and the step has time to end in its own way.
pub async fn graceful_stop(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("polite", "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.02; done");
    started(&bench, &step).await;
    bench.must("stop", bench.executor.stop(&step.key, LONG)).await;
    let finished = bench.finished(&step.key).await;
    // A shell may say in between that what it waited for was terminated.
    assert_eq!(finished.exit.end, StepEnd::Code(3));
    assert!(finished.text().ends_with("bye\n"), "{}", finished.text());
    let step = bench.program("program", &["sh", "-c", "echo ready; exec sleep 1000"]);
    started(&bench, &step).await;
    bench.must("stop", bench.executor.stop(&step.key, LONG)).await;
    assert_eq!(bench.finished(&step.key).await.exit.end, StepEnd::Signal(15));
    bench.release().await;
}

/// A step that ignores the signal is killed after the grace.
pub async fn stubborn_step(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("stubborn", "trap '' TERM; echo ready; while :; do sleep 0.02; done");
    started(&bench, &step).await;
    bench.must("stop", bench.executor.stop(&step.key, SHORT)).await;
    let finished = bench.finished(&step.key).await;
    assert_eq!((finished.exit.end, finished.text().as_str()), (StepEnd::Signal(9), "ready\n"));
    bench.release().await;
}

/// Children in the background are stopped too, also those that ignore the signal.
pub async fn descendants_are_stopped(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let child = "(trap '' TERM; while :; do echo x >> beat; sleep 0.02; done) &";
    let step = bench.script(
        "family",
        &format!("{child} ( {child} ) ; until [ -s beat ]; do sleep 0.02; done; echo ready; wait; sleep 1000"),
    );
    started(&bench, &step).await;
    bench.must("stop", bench.executor.stop(&step.key, SHORT)).await;
    bench.finished(&step.key).await;
    is_quiet(&bench, "beat").await;
    bench.release().await;
}

/// So are children that left the session, closed their files and lost their parents, as far as the executor can find them.
pub async fn hidden_descendants_are_stopped(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let child = "setsid sh -c '(trap \"\" TERM; while :; do echo x >> beat; sleep 0.02; done) & exit' > /dev/null 2>&1 < /dev/null";
    let text = format!("{child} &\nuntil [ -s beat ]; do sleep 0.02; done; echo ready; sleep 1000");
    let step = bench.script("hidden", &text);
    started(&bench, &step).await;
    bench.must("stop", bench.executor.stop(&step.key, SHORT)).await;
    bench.finished(&step.key).await;
    is_quiet(&bench, "beat").await;
    bench.release().await;
}

/// What a step leaves in the background when it ends is stopped, so that its log is final.
pub async fn leftovers_are_stopped(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let child = "while :; do echo x >> beat; echo noise; sleep 0.02; done";
    let text =
        format!("({child}) & setsid sh -c '{child}' > /dev/null 2>&1 & until [ -s beat ]; do sleep 0.02; done; exit 7");
    let finished = bench.finish_script("leaves", &text).await;
    assert_eq!(finished.exit.end, StepEnd::Code(7));
    is_quiet(&bench, "beat").await;
    assert_eq!(bench.log(&bench.key("leaves"), 0).await.len() as u64, finished.exit.log_length, "the log went on");
    bench.release().await;
}

/// A start after a stop starts nothing, also from a fresh instance, and the wait says so.
pub async fn stop_before_start(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("late", "echo started >> witness");
    bench.must("stop", bench.executor.stop(&step.key, LONG)).await;
    bench.must("start", bench.executor.start(&step)).await;
    let wait = bench.within("wait", bench.executor.wait(&step.key)).await;
    assert!(matches!(wait, Err(ExecutorError::NeverStarted)), "{wait:?}");
    if bench.executor.capabilities().reattach {
        let fresh = factory.executor();
        bench.must("start", fresh.start(&step)).await;
        let wait = bench.within("wait", fresh.wait(&step.key)).await;
        assert!(matches!(wait, Err(ExecutorError::NeverStarted)), "{wait:?}");
    }
    assert!(bench.log(&step.key, 0).await.is_empty(), "a log of nothing");
    bench.finish_script("look", "[ ! -e witness ]").await.success();
    bench.release().await;
}

/// Stopping twice, at the same time, and after the end is fine.
pub async fn stop_again(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("twice", "echo ready; sleep 1000");
    started(&bench, &step).await;
    let (one, two) = (bench.executor.stop(&step.key, LONG), bench.executor.stop(&step.key, LONG));
    let (one, two) = bench.within("the stops", async { futures::join!(one, two) }).await;
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    bench.must("stop", bench.executor.stop(&step.key, LONG)).await;
    assert_eq!(bench.finished(&step.key).await.exit.end, StepEnd::Signal(15));
    let ended = bench.finish_script("ended", "exit 2").await;
    bench.must("stop", bench.executor.stop(&bench.key("ended"), LONG)).await;
    assert_eq!(bench.must("wait", bench.executor.wait(&bench.key("ended"))).await, ended.exit);
    bench.release().await;
}
