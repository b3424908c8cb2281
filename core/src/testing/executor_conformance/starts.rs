//! A step starts once, and is found again.

use futures::future::join_all;

use super::bench::{Bench, Factory};
use crate::executor::ExecutorError;
use crate::run::StepEnd;

/// Many starts at the same time, from two instances where they find each other's steps, start one process.
pub async fn started_once(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let other = if bench.executor.capabilities().reattach { factory.executor() } else { bench.executor.clone() };
    for round in 0..5 {
        let step = bench.script(&format!("once {round}"), &format!("echo started >> witness-{round}; echo said"));
        let starts =
            (0..8).map(|number| if number % 2 == 0 { &bench.executor } else { &other }).map(|one| one.start(&step));
        for started in bench.within("the starts", join_all(starts)).await {
            assert!(started.is_ok(), "a start that was not the first failed: {started:?}");
        }
        assert_eq!(bench.finished(&step.key).await.success(), "said\n");
        let witness = bench.finish_script(&format!("count {round}"), &format!("cat witness-{round}")).await;
        assert_eq!(witness.success(), "started\n");
    }
    bench.release().await;
}

/// A start of a step that ended starts nothing, also from a fresh instance.
pub async fn started_again_after_the_end(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("again", "echo started >> witness; exit 4");
    bench.finish(&step).await;
    for executor in [bench.executor.clone(), factory.executor()] {
        bench.must("start", executor.start(&step)).await;
        assert_eq!(bench.must("wait", executor.wait(&step.key)).await.end, StepEnd::Code(4));
    }
    assert_eq!(bench.finish_script("count", "cat witness").await.success(), "started\n");
    bench.release().await;
}

/// A fresh instance finds a running step: its log, its end, and its stop.
pub async fn fresh_instance(factory: &dyn Factory) {
    let mut bench = Bench::new(factory).await;
    if !bench.executor.capabilities().reattach {
        return bench.release().await;
    }
    let step = bench.script("reattach", "echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 5");
    bench.must("start", bench.executor.start(&step)).await;
    bench.executor = factory.executor();
    let mut scope = bench.scope();
    scope.existing = true;
    bench.must("prepare", bench.executor.prepare(&scope)).await;
    bench.must("start", bench.executor.start(&step)).await;
    let ended = async {
        bench.touch("go").await;
        bench.finished(&step.key).await
    };
    let finished = ended.await;
    assert_eq!((finished.exit.end, finished.text().as_str()), (StepEnd::Code(5), "one\ntwo\n"));
    bench.release().await;
}

/// The end of a step can be asked for again and again.
pub async fn ended_long_ago(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let finished = bench.finish_script("ended", "echo text; exit 6").await;
    let fresh = factory.executor();
    for executor in [&bench.executor, &fresh].into_iter().take(if fresh.capabilities().reattach { 2 } else { 1 }) {
        assert_eq!(bench.must("wait", executor.wait(&bench.key("ended"))).await, finished.exit);
    }
    bench.release().await;
}

/// Steps run at the same time: each waits for all others.
pub async fn parallel_steps(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let script = |number: u32| {
        format!(
            "touch here-{number}; for n in 0 1 2 3 4 5 6 7; do until [ -e here-$n ]; do sleep 0.02; done; done; echo {number}"
        )
    };
    let steps: Vec<_> = (0..8).map(|number| bench.script(&format!("parallel {number}"), &script(number))).collect();
    let finished = join_all(steps.iter().map(|step| bench.finish(step))).await;
    for (number, finished) in finished.iter().enumerate() {
        assert_eq!(finished.success(), format!("{number}\n"));
    }
    bench.release().await;
}

/// Of a step whose folder is gone nobody knows the end.
pub async fn unknown_step(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let key = bench.key("never");
    let wait = bench.within("wait", bench.executor.wait(&key)).await;
    assert!(matches!(wait, Err(ExecutorError::Lost { .. } | ExecutorError::NeverStarted)), "{wait:?}");
    assert!(bench.log(&key, 0).await.is_empty(), "a log of nothing");
    bench.must("forget", bench.executor.forget(&key)).await;
    bench.release().await;
}
