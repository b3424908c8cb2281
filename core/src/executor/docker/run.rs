//! Steps and the containers of a run: made when a step needs one, found again by their labels.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use tokio::sync::OnceCell;

use super::connect::is_missing;
use super::convert::{self, Site};
use super::create::{Draft, Started};
use super::host::DockerHost;
use super::image::Wanted;
use super::live::{Halt, Live, Volumes, Warm};
use super::login::Logins;
use super::service::hear;
use super::shape::Shape;
use super::{Shared, knows, lost};
use crate::clock::SharedClock;
use crate::executor::container::{Container, Inner, State};
use crate::executor::{ExecutorError, ExecutorEvent, StepSpec};
use crate::run::{RunId, StepKey};

/// How often the containers' lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10 * 60);

impl Shared {
    /// Starts a step, unless it is stopped first: whatever its start waits for, such as an image, it waits no longer then.
    pub(super) async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let live = self.run(step.key.run);
        tokio::select! {
            biased;
            () = live.halted(&step.key, Halt::Wanted) => {
                live.halted(&step.key, Halt::Done).await;
                Ok(())
            }
            started = self.start_in(&live, step) => started,
        }
    }

    async fn start_in(&self, live: &Live, step: &StepSpec) -> Result<(), ExecutorError> {
        let shape = Shape::of(step)?;
        convert::allowed(&self.policy, &step.container)?;
        if !step.container.services.is_empty() {
            live.serve(&step.key);
        }
        let volumes = self.volumes_for(step.key.run, step.generation).await?;
        if volumes.states.is_none() {
            let why = "only its workspace is kept".to_owned();
            return Err(ExecutorError::WorkspaceLost { run: step.key.run, why });
        }
        let mut failed = None;
        // A container that went since it was last looked at is made anew, over the states that survived.
        for _ in 0..2 {
            let container = self.container(step, &shape, live, &volumes).await?;
            match container.start(step).await {
                Ok(_) => {
                    live.steps().entry(step.key.clone()).or_insert(container);
                    return Ok(());
                }
                Err(error @ ExecutorError::Lost { .. }) => {
                    live.warm().remove(&self.names()?.steps(step.key.run, &shape.word()));
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(failed.unwrap_or_else(|| lost("its container went again and again")))
    }

    async fn container(
        &self,
        step: &StepSpec,
        shape: &Shape,
        live: &Live,
        volumes: &Volumes,
    ) -> Result<Container, ExecutorError> {
        let name = self.names()?.steps(step.key.run, &shape.word());
        let cell = Arc::clone(live.warm().entry(name.clone()).or_default());
        if let Some(warm) = cell.get() {
            return Ok(warm.container.clone());
        }
        let what = format!("a container of the image {} is started", shape.image);
        live.waits(&step.key, "startingContainer", what);
        let made = cell.get_or_try_init(|| self.make_steps(step, shape, live, volumes, &name)).await;
        if made.is_ok() {
            live.tell(ExecutorEvent::Running { step: step.key.clone() });
        }
        made.map(|warm| warm.container.clone())
    }

    /// Makes or finds a container for steps of a shape with what belongs beside it, and connects to it.
    async fn make_steps(
        &self,
        step: &StepSpec,
        shape: &Shape,
        live: &Live,
        volumes: &Volumes,
        name: &str,
    ) -> Result<Warm, ExecutorError> {
        let run = step.key.run;
        let site = self.site(run, volumes).await?;
        let options = &step.container.options;
        let wanted = Wanted {
            platform: options.platform.as_deref(),
            policy: options.pull,
            login: Logins::named(&shape.image, options.credential.as_ref(), &step.secrets)?,
            ..Wanted::missing(&shape.image)
        };
        let image = self.image(&wanted, &|fetching| hear(live, &step.key, &shape.image, fetching)).await?;
        let user = image.config.and_then(|config| config.user).unwrap_or_default();
        let user = options.user.clone().unwrap_or(user);
        self.policy.check_user(&user)?;
        if !matches!(user.split(':').next(), Some("" | "0" | "root")) {
            self.open_to_all(run, volumes).await?;
        }
        let (platform, networks) = (options.platform.as_deref(), options.networks.as_slice());
        let draft = Draft { platform, networks, attended: true, ..Draft::new(run, name, convert::steps(&site, shape)) };
        let started = self.run_container(&draft).await?;
        self.services(&site, step, shape, &started.id).await?;
        self.connected(run, volumes, started).await
    }

    async fn make_keeper(&self, run: RunId, volumes: &Volumes, name: &str) -> Result<Warm, ExecutorError> {
        let site = self.site(run, volumes).await?;
        let image = &self.helper().await?.image;
        let body: ContainerCreateBody = convert::keeper(&site, image, volumes.generation);
        let started = self.run_container(&Draft::new(run, name, body)).await?;
        self.connected(run, volumes, started).await
    }

    async fn site<'a>(&'a self, run: RunId, volumes: &'a Volumes) -> Result<Site<'a>, ExecutorError> {
        Ok(Site {
            names: self.names()?,
            policy: &self.policy,
            run,
            helper: &self.helper().await?.volume,
            workspace: &volumes.workspace,
            states: volumes.states.as_deref(),
        })
    }

    async fn connected(&self, run: RunId, volumes: &Volumes, started: Started) -> Result<Warm, ExecutorError> {
        let Started { id, streams } = started;
        let host = DockerHost { connection: Arc::clone(&self.connection), id: id.clone() };
        let (place, clock) = (convert::place(run, &id), Arc::clone(&self.clock));
        let container = Container::attended(Arc::new(host), place, clock, streams);
        if volumes.states.is_some() {
            container.connect().await?;
            tokio::spawn(renew(container.downgrade(), Arc::clone(&self.clock)));
        }
        Ok(Warm { id, container })
    }

    /// Lets users that are not root write into the volumes: a container of such a user cannot do that itself.
    async fn open_to_all(&self, run: RunId, volumes: &Volumes) -> Result<(), ExecutorError> {
        self.keeper(run, volumes).await?.renew().await
    }

    /// A container that serves the run's files and states when no other one is known.
    pub(super) async fn keeper(&self, run: RunId, volumes: &Volumes) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let name = self.names()?.keeper(run, volumes.generation);
        let cell = Arc::clone(live.warm().entry(name.clone()).or_default());
        let warm = cell.get_or_try_init(|| self.make_keeper(run, volumes, &name)).await?;
        Ok(warm.container.clone())
    }

    /// A container through which the workspace can be read and written.
    pub(super) async fn files(&self, run: RunId) -> Result<Container, ExecutorError> {
        let volumes = self.newest_volumes(run).await?;
        self.any(run, &volumes).await
    }

    /// Any container of the run: one that is warm already, else the keeper.
    async fn any(&self, run: RunId, volumes: &Volumes) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let keeper = self.names()?.keeper(run, volumes.generation);
        let known: Vec<(String, Warm)> =
            live.warm().iter().filter_map(|(name, cell)| Some((name.clone(), cell.get()?.clone()))).collect();
        for (name, warm) in known {
            if self.is_running(&warm.id).await? {
                return Ok(warm.container);
            }
            live.warm().remove(&name);
        }
        live.warm().remove(&keeper);
        self.keeper(run, volumes).await
    }

    /// The container that has a step, or one that can say how it ended. `Lost` when nothing of the run's states is left.
    pub(super) async fn locate(&self, step: &StepKey) -> Result<Container, ExecutorError> {
        let live = self.run(step.run);
        let known = live.steps().get(step).cloned();
        if let Some(container) = known {
            return Ok(container);
        }
        let volumes = match self.newest_volumes(step.run).await {
            Ok(volumes) if volumes.states.is_some() => volumes,
            Ok(_) | Err(ExecutorError::WorkspaceLost { .. }) => {
                return Err(lost("the states of its run's steps are gone"));
            }
            Err(error) => return Err(error),
        };
        let mut asked = self.any(step.run, &volumes).await?;
        let state = asked.state(step).await?;
        if let State::Elsewhere(id) = &state {
            asked = self.reach(step.run, id).await?;
        }
        if knows(&state) {
            live.steps().insert(step.clone(), asked.clone());
        }
        Ok(asked)
    }

    /// The container of this id, which a step's token names. `Lost` when it does not run any more.
    async fn reach(&self, run: RunId, id: &str) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let known = live.warm().values().filter_map(|cell| cell.get()).find(|warm| warm.id.starts_with(id)).cloned();
        if let Some(warm) = known {
            return Ok(warm.container);
        }
        let docker = self.connection.docker().await?;
        let found = match docker.inspect_container(id, None).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Err(lost("its container was removed")),
            Err(error) => return Err(self.connection.error("looking for the step's container", error)),
        };
        if found.state.and_then(|state| state.running) != Some(true) {
            return Err(lost("its container was stopped"));
        }
        let id = found.id.unwrap_or_default();
        let host = DockerHost { connection: Arc::clone(&self.connection), id: id.clone() };
        let container = Container::new(Arc::new(host), convert::place(run, &id), Arc::clone(&self.clock));
        tokio::spawn(renew(container.downgrade(), Arc::clone(&self.clock)));
        let name = found.name.unwrap_or_default().trim_start_matches('/').to_owned();
        let cell = Arc::new(OnceCell::new_with(Some(Warm { id, container: container.clone() })));
        live.warm().entry(name).or_insert(cell);
        Ok(container)
    }

    /// Forgets where a step was thought to be: it is in the container of this id.
    pub(super) async fn forget_place(&self, step: &StepKey, id: &str) -> Result<(), ExecutorError> {
        let container = self.reach(step.run, id).await?;
        self.run(step.run).steps().insert(step.clone(), container);
        Ok(())
    }

    pub(super) async fn stop(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let live = self.run(step.run);
        live.halt(step, Halt::Wanted);
        let stopped = self.take_or_end(step, grace).await;
        live.halt(step, Halt::Done);
        stopped
    }

    async fn take_or_end(&self, step: &StepKey, grace: Duration) -> Result<(), ExecutorError> {
        let container = match self.locate(step).await {
            Ok(container) => container,
            // Nothing of it is left, and nothing can be started any more.
            Err(ExecutorError::Lost { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        match container.stop(step, grace).await {
            Err(ExecutorError::Lost { .. }) => Ok(()),
            other => other,
        }
    }
}

/// Says from time to time that the container is wanted, as long as somebody here knows it.
async fn renew(container: Weak<Inner>, clock: SharedClock) {
    loop {
        let Some(inner) = container.upgrade() else { return };
        if let Err(ExecutorError::Lost { .. }) = Container::from(inner).renew().await {
            return;
        }
        clock.sleep_until(clock.now().elapsed + RENEWAL).await;
    }
}
