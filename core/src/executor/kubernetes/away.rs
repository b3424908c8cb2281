//! Steps in pods of their own: the workspace is handed over to them, and back.
//!
//! Such a pod has states of its own. The run's pod has the step's token as well, which names the other one, so that a start is
//! let through once, and every container of the run's pod can say where the step is.

use std::sync::Arc;

use super::Shared;
use super::convert::{self, KEEPER};
use super::live::{HomePod, Live, Spot, renew};
use super::locate::stopped;
use super::names::{head, place_name, read_place_name, step_head};
use super::run::Wanted;
use super::shape::Shape;
use super::{lost, workspace_lost};
use crate::executor::container::{Container, State, Took};
use crate::executor::{ExecutorError, ExecutorEvent, StepSpec};
use crate::pipeline::WorkspaceUse;
use crate::run::{StepKey, WaitReason};

/// What is written down once the files of a step are back.
const BACK: &str = "back";

impl Shared {
    pub(super) async fn start_away(
        &self,
        step: &StepSpec,
        shape: &Shape,
        live: &Arc<Live>,
        home: &HomePod,
    ) -> Result<(), ExecutorError> {
        let main = tokio::select! {
            main = self.any(step.key.run, home) => main?,
            () = stopped(live, &step.key) => return Err(ExecutorError::NeverStarted),
        };
        match main.state(&step.key).await? {
            State::None => {}
            State::Elsewhere(name) => return self.start_there(step, live, &name).await,
            _ => return Ok(()),
        }
        let made = self.own_pod(step, shape, live, (&main, home)).await;
        let (own, name) = match made {
            Ok(made) => made,
            Err(error) => {
                let pod = self.names()?.step_pod(&step.key, step.generation);
                live.leave(&step.key);
                match &error {
                    // What its services said is asked for afterwards.
                    ExecutorError::BadStep { code: "serviceNotReady", .. } => self.end_pod(&pod).await?,
                    _ => self.remove_pod(pod).await?,
                }
                return Err(error);
            }
        };
        let taken = main.assign(&step.key, &name).await? == Took::Taken;
        match main.state(&step.key).await? {
            State::Elsewhere(there) if !taken || there == name => {
                own.start(step).await?;
                live.put_step(&step.key, own);
                Ok(())
            }
            _ => self.remove_pod(self.names()?.step_pod(&step.key, step.generation)).await,
        }
    }

    /// Starts a step in the pod that its token names.
    async fn start_there(&self, step: &StepSpec, live: &Live, name: &str) -> Result<(), ExecutorError> {
        let started = async {
            let own = self.reach(step.key.run, name).await?;
            own.start(step).await?;
            live.put_step(&step.key, own);
            Ok(())
        };
        match started.await {
            // It was started there, and `wait` says what became of it.
            Err(ExecutorError::Lost { .. }) => Ok(()),
            other => other,
        }
    }

    /// A pod for the step alone, ready to start it, and the name of its container.
    async fn own_pod(
        &self,
        step: &StepSpec,
        shape: &Shape,
        live: &Arc<Live>,
        (main, home): (&Container, &HomePod),
    ) -> Result<(Container, String), ExecutorError> {
        let run = step.key.run;
        self.make_pull_secrets(step, shape).await?;
        let pod = self.make_step_pod(step, shape, home).await?;
        let (step_head, container) = (step_head(&step.key, step.generation), shape.container());
        live.place(&step.key, Spot { pod: pod.pod.clone(), container: container.clone(), alone: true });
        let wanted = Wanted { step: Some(&step.key), pod: &pod, container: &container, image: &shape.image };
        self.running(live, wanted).await?;
        for (at, service) in step.container.services.iter().enumerate() {
            let container = convert::service_name(at);
            match self.running(live, Wanted { container: &container, image: &service.image, ..wanted }).await {
                // What became of it is told when it is waited for.
                Err(ExecutorError::Lost { .. }) => {}
                other => other?,
            }
        }
        let name = place_name(&step_head, &container);
        let own = self.connection(run, (&step_head, &pod), &container);
        if step.workspace == WorkspaceUse::Shared {
            let told = WaitReason::new("handingOver", "the workspace is handed over to the pod of the step");
            live.tell(ExecutorEvent::Waiting { step: step.key.clone(), reason: told });
            let files = self.connection(run, (&step_head, &pod), KEEPER);
            files.write(".", main.read(".").await?).await?;
            files.snapshot(&step.key).await?;
        }
        for (at, service) in step.container.services.iter().enumerate() {
            let told = format!("the service {} is not ready yet", service.name);
            let reason = WaitReason::new("waitingForService", told);
            live.tell(ExecutorEvent::Waiting { step: step.key.clone(), reason });
            let container = convert::service_name(at);
            tokio::select! {
                ready = self.ready(service, &container, &pod) => ready?,
                () = stopped(live, &step.key) => return Err(ExecutorError::NeverStarted),
            }
        }
        own.connect().await?;
        tokio::spawn(renew(own.downgrade(), Arc::clone(&self.clock)));
        live.tell(ExecutorEvent::Running { step: step.key.clone() });
        Ok((own, name))
    }

    async fn make_step_pod(&self, step: &StepSpec, shape: &Shape, home: &HomePod) -> Result<HomePod, ExecutorError> {
        let run = step.key.run;
        let gone = || workspace_lost(run, "nothing of it is left in the cluster");
        let owner = self.owner(run).await?.ok_or_else(gone)?;
        let site = self.site(run, step.generation)?;
        let name = site.names.step_pod(&step.key, step.generation);
        let uid = owner.metadata.uid.unwrap_or_default();
        let wanted = convert::step_pod(&site, &uid, name.clone(), shape, step)?;
        let made = match self.create(&wanted, run).await? {
            Some(made) => made,
            None => self.look(&name).await?.ok_or_else(|| lost("its pod is made and removed at the same time"))?,
        };
        let uid = made.metadata.uid.unwrap_or_default();
        Ok(HomePod { pod: name, uid, ..home.clone() })
    }

    /// Brings back what an ended step in a pod of its own left in its workspace. Once.
    pub(super) async fn hand_back(&self, step: &StepKey, container: &Container) -> Result<(), ExecutorError> {
        let Some((own_head, _)) = read_place_name(container.name()) else { return Ok(()) };
        let home = self.newest_home(step.run).await?;
        if own_head == head(home.generation) {
            return Ok(());
        }
        let live = self.run(step.run);
        let mut done = live.handing_back.lock().await;
        if done.contains(step) {
            return Ok(());
        }
        let main = self.any(step.run, &home).await?;
        if !main.is_marked(step, BACK).await? {
            let pod = self.names()?.pod_of_head(step.run, own_head);
            let found = self.look(&pod).await?.ok_or_else(|| lost("its pod was removed before its files were back"))?;
            let uid = found.metadata.uid.clone().unwrap_or_default();
            let pod = HomePod { pod, uid, ..home };
            let files = self.connection(step.run, (own_head, &pod), KEEPER);
            if files.is_marked(step, Container::SNAPSHOT).await? {
                main.remove_files(files.removed_since(step).await?).await?;
                main.write(".", files.read(".").await?).await?;
            }
            main.mark(step, BACK).await?;
        }
        done.insert(step.clone());
        Ok(())
    }

    /// Lets go of the pod of a step that has ended, whose log is imported. The run's pod keeps how it ended.
    pub(super) async fn let_go(&self, step: &StepKey, container: &Container) -> Result<bool, ExecutorError> {
        let Some((own_head, _)) = read_place_name(container.name()) else { return Ok(false) };
        let home = self.newest_home(step.run).await?;
        if own_head == head(home.generation) {
            return Ok(false);
        }
        let main = self.any(step.run, &home).await?;
        if let crate::executor::container::Waited::Exit(exit) = container.wait(step).await? {
            self.hand_back(step, container).await?;
            if matches!(main.state(step).await?, State::Elsewhere(_)) {
                main.settle(step, &exit).await?;
            }
            self.run(step.run).put_step(step, main);
            self.remove_pod(self.names()?.pod_of_head(step.run, own_head)).await?;
        }
        Ok(true)
    }
}
