//! Ending an engine in good order.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use serde::Serialize;

use super::Engine;
use super::run::closed;
use crate::error::Result;
use crate::run::RunId;

/// What becomes of the runs that go on when an engine ends. Queued runs stay queued in every case: the next engine on the
/// data directory lets them go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// They go on to their end, and the engine closes after it. See [`Engine::drain`].
    Drain {
        /// How long they are waited for. What runs longer is left running.
        limit: Option<Duration>,
    },
    /// Their steps go on without the engine, where the executor can do that; the next engine takes them up.
    LeaveRunning,
    /// They are cancelled, `finally` runs, and the engine closes when everything that they held is freed.
    Cancel {
        /// Who wants it.
        by: String,
        /// Why; may be empty.
        reason: String,
    },
}

/// What became of the runs that went on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainReport {
    /// Those that are over, with everything that they held freed.
    pub finished: Vec<RunId>,
    /// Those that go on: the next engine takes them up.
    pub left_running: Vec<RunId>,
}

impl Engine {
    /// Lets no further run go, and waits until those that were let go are over, or until the limit has passed. A run that
    /// waits for an approval is not over. Runs can still be started; they stay in the queue. Nothing lets the queue go again
    /// but the next engine on the data directory, so that what follows is [`Engine::close`].
    ///
    /// # Errors
    /// `engineClosed` when the engine was closed, also meanwhile.
    pub async fn drain(&self, limit: Option<Duration>) -> Result<DrainReport> {
        self.stop_the_queue("drain")?;
        self.until_idle(self.handle.core.going(), limit).await
    }

    /// Lets no further run go.
    fn stop_the_queue(&self, operation: &'static str) -> Result<()> {
        let core = &self.handle.core;
        core.hold().ok_or_else(|| closed(operation))?;
        core.queue().stop();
        Ok(())
    }

    /// Waits until no run goes on, or until the limit has passed. `seen` are the runs that went on at the beginning.
    async fn until_idle(&self, mut seen: BTreeSet<RunId>, limit: Option<Duration>) -> Result<DrainReport> {
        let core = &self.handle.core;
        let until = limit.map(|limit| core.clock.now().elapsed + limit);
        let over = async {
            match until {
                Some(until) => core.clock.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        let (mut departures, mut closing) = (core.departures.subscribe(), core.closing.subscribe());
        loop {
            departures.mark_unchanged();
            let going = core.going();
            seen.extend(&going);
            if going.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => return Err(closed("drain")),
                _ = departures.changed() => {}
                () = &mut over => break,
            }
        }
        let left = self.unfinished();
        let finished = seen.difference(&left).copied().collect();
        Ok(DrainReport { finished, left_running: left.into_iter().collect() })
    }

    /// The runs that go on, also those that this engine cannot drive.
    fn unfinished(&self) -> BTreeSet<RunId> {
        let core = &self.handle.core;
        let mut unfinished = core.going();
        unfinished.extend(core.stuck().iter());
        unfinished
    }

    /// Ends the engine for all who share it, as it is asked, and closes it. Dropping the future closes nothing.
    ///
    /// # Errors
    /// As [`Engine::drain`] and [`Engine::close`].
    pub async fn shutdown(&self, how: Shutdown) -> Result<DrainReport> {
        let report = match how {
            Shutdown::Drain { limit } => self.drain(limit).await?,
            Shutdown::Cancel { by, reason } => {
                self.stop_the_queue("shutdown")?;
                let going = self.handle.core.going();
                self.cancel_all(&going, &by, &reason).await?;
                self.until_idle(going, None).await?
            }
            Shutdown::LeaveRunning => {
                DrainReport { finished: Vec::new(), left_running: self.unfinished().into_iter().collect() }
            }
        };
        self.close().await?;
        Ok(report)
    }

    /// Asks runs to end.
    async fn cancel_all(&self, runs: &BTreeSet<RunId>, by: &str, reason: &str) -> Result<()> {
        let cancelled = runs.iter().map(|run| async move {
            match self.run(*run).await?.cancel(by, reason).await {
                // What is over and not yet freed needs no wish.
                Err(error) if error.code() == "runEnded" => Ok(()),
                // Its driver left while it was told: it is over by now, or cannot be driven.
                Err(error) if error.code() == "engineClosed" && self.handle.core.hold().is_some() => Ok(()),
                result => result,
            }
        });
        try_join_all(cancelled).await.map(drop)
    }
}
