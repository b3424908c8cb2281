//! Steps are found again, and stopped, wherever they are.

use std::sync::Arc;
use std::time::Duration;

use super::convert::KEEPER;
use super::live::{HomePod, Live, Spot, renew};
use super::names::{STOPPED, head, read_place_name};
use super::status::running;
use super::{Shared, lost};
use crate::executor::ExecutorError;
use crate::executor::container::{Container, State};
use crate::run::{RunId, StepKey};

impl Shared {
    /// The container that has a step, or one that can say how it ended. `Lost` when nothing of the run's states is left.
    pub(super) async fn locate(&self, step: &StepKey) -> Result<Container, ExecutorError> {
        let live = self.run(step.run);
        if let Some(container) = live.step(step) {
            return Ok(container);
        }
        if live.is_stopped(step) {
            return Err(ExecutorError::NeverStarted);
        }
        let home = self.newest_home(step.run).await.map_err(no_states)?;
        let mut asked = tokio::select! {
            asked = self.any(step.run, &home) => asked.map_err(no_states)?,
            () = stopped(&live, step) => return Err(ExecutorError::NeverStarted),
        };
        let state = asked.state(step).await?;
        if let State::Elsewhere(name) = &state {
            asked = self.reach(step.run, name).await?;
        }
        if !matches!(state, State::None) {
            self.know_place(&live, step, &home, &asked)?;
            live.put_step(step, asked.clone());
        }
        Ok(asked)
    }

    /// Lets those who read the log of a step that was found hear of its place.
    fn know_place(
        &self,
        live: &Live,
        step: &StepKey,
        home: &HomePod,
        container: &Container,
    ) -> Result<(), ExecutorError> {
        let Some((found_head, name)) = read_place_name(container.name()) else { return Ok(()) };
        let alone = found_head != head(home.generation);
        let pod = if alone { self.names()?.pod_of_head(step.run, found_head) } else { home.pod.clone() };
        live.place(step, Spot { pod, container: name.to_owned(), alone });
        Ok(())
    }

    /// The container of this name, which a step's token has. `Lost` when it is gone.
    pub(super) async fn reach(&self, run: RunId, name: &str) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let cell = live.warm(name);
        if let Some(container) = cell.get() {
            return Ok(container.clone());
        }
        let gone = || lost("its container is gone");
        let (found_head, container) = read_place_name(name).ok_or_else(gone)?;
        let home = self.newest_home(run).await.map_err(no_states)?;
        let pod = if found_head == head(home.generation) {
            home
        } else {
            let pod = self.names()?.pod_of_head(run, found_head);
            let found = self.look(&pod).await?.ok_or_else(|| lost("its pod was removed"))?;
            let uid = found.metadata.uid.unwrap_or_default();
            HomePod { pod, uid, ..home }
        };
        let made = cell
            .get_or_init(|| async {
                let made = self.connection(run, (found_head, &pod), container);
                tokio::spawn(renew(made.downgrade(), Arc::clone(&self.clock)));
                made
            })
            .await;
        Ok(made.clone())
    }

    /// Remembers that a step is in the container of this name.
    pub(super) async fn move_place(&self, step: &StepKey, name: &str) -> Result<(), ExecutorError> {
        let container = self.reach(step.run, name).await?;
        self.run(step.run).put_step(step, container);
        Ok(())
    }

    pub(super) async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let live = self.run(step.run);
        if live.step(step).is_none() && self.nothing_ran(step.run).await? {
            return self.bury(step).await;
        }
        let container = match self.locate(step).await {
            Ok(container) => container,
            // Nothing of it is left, and nothing can be started any more.
            Err(ExecutorError::Lost { .. } | ExecutorError::NeverStarted) => return Ok(()),
            Err(error) => return Err(error),
        };
        let has_begun = live.step(step).is_some();
        match container.stop(step, grace).await {
            Err(ExecutorError::Lost { .. }) => Ok(()),
            Ok(()) if !has_begun => {
                // Its token is taken, and its start need not wait for anything any more.
                live.put_stopped(step.slug());
                Ok(())
            }
            other => other,
        }
    }

    /// Keeps with the run's owner that a step was stopped, for whoever starts it later.
    async fn bury(&self, step: &StepKey) -> Result<(), ExecutorError> {
        self.run(step.run).put_stopped(step.slug());
        self.note_of(step.run, &format!("{STOPPED}{}", step.slug()), "yes").await
    }

    /// Whether no container of the run can have run anything yet, so that there is no place for a tombstone either.
    async fn nothing_ran(&self, run: RunId) -> Result<bool, ExecutorError> {
        let home = match self.newest_home(run).await {
            Ok(home) => home,
            Err(ExecutorError::WorkspaceLost { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let found = self.look(&home.pod).await?;
        let seems_so = found.is_some_and(|pod| {
            running(&pod).is_empty() && pod.status.is_none_or(|status| status.phase.as_deref() == Some("Pending"))
        });
        // The cluster knows late that a container runs. The keeper is the first one.
        Ok(seems_so && !self.connection(run, (&head(home.generation), &home), KEEPER).reach().await)
    }
}

/// Returns when the step is stopped before anything of its run could run.
pub(super) async fn stopped(live: &Live, step: &StepKey) {
    loop {
        let next = live.stop.notified();
        if live.is_stopped(step) {
            return;
        }
        next.await;
    }
}

/// A workspace that is gone has taken the states of its steps along.
pub(super) fn no_states(error: ExecutorError) -> ExecutorError {
    match error {
        ExecutorError::WorkspaceLost { why, .. } => lost(why),
        other => other,
    }
}
