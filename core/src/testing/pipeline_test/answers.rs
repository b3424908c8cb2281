//! What persons do to the run of a test, and when.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use super::{Answer, PipelineTest};
use crate::clock::SharedClock;
use crate::engine::Run;
use crate::error::Result;
use crate::run::{Decision, Elapsed};

/// Persons who know what they will do, each at a moment of their own.
pub(super) struct Persons {
    run: Run,
    clock: SharedClock,
    busy: FuturesUnordered<BoxFuture<'static, Result<()>>>,
}

impl Persons {
    pub(super) fn new(run: &Run, clock: &SharedClock) -> Self {
        Self { run: run.clone(), clock: clock.clone(), busy: FuturesUnordered::new() }
    }

    /// Plans the cancels of a run that starts now.
    pub(super) fn cancel(&mut self, test: &PipelineTest) {
        for after in &test.cancels {
            let run = self.run.clone();
            self.later(*after, async move { run.cancel("test", "the test says so").await });
        }
    }

    /// Plans the answer to an approval that is asked for now.
    pub(super) fn answer(&mut self, task: &str, answer: &Answer) {
        let (run, task) = (self.run.clone(), task.to_owned());
        let Answer { decision, after, by, reason } = answer.clone();
        self.later(after, async move {
            match decision {
                Decision::Approved => run.approve(&task, &by, &reason).await,
                Decision::Rejected => run.reject(&task, &by, &reason).await,
            }
        });
    }

    fn later(&mut self, after: Duration, act: impl Future<Output = Result<()>> + Send + 'static) {
        let clock = self.clock.clone();
        let moment: Elapsed = clock.now().elapsed + after;
        self.busy.push(
            async move {
                clock.sleep_until(moment).await;
                act.await
            }
            .boxed(),
        );
    }

    /// Returns when somebody did something; never when nobody has anything left to do. Who comes too late did nothing.
    pub(super) async fn act(&mut self) -> Result<()> {
        match self.busy.next().await {
            None => std::future::pending().await,
            Some(Err(error)) if !matches!(error.code(), "notWaiting" | "runEnded") => Err(error),
            Some(_) => Ok(()),
        }
    }
}
