//! The containers of a run: made when a step needs one, found again by their labels.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, ListContainersOptionsBuilder};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{OnceCell, broadcast};

use super::connect::{is_conflict, is_missing};
use super::convert::{self, Site};
use super::host::DockerHost;
use super::names::{KIND, Kind};
use super::shape::Shape;
use super::{Shared, knows, lost};
use crate::executor::container::{Container, State};
use crate::executor::{ExecutorError, ExecutorEvent, StepSpec};
use crate::run::{RunId, StepKey, WaitReason};

/// How often the containers' lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10 * 60);
/// How often a container is made anew that another instance removes or makes at the same time.
const TRIES: u32 = 20;

/// What this instance knows of a run.
#[derive(Debug)]
pub(super) struct Live {
    /// Containers by their name.
    warm: Mutex<HashMap<String, Arc<OnceCell<Warm>>>>,
    /// In which of them steps are.
    steps: Mutex<HashMap<StepKey, Container>>,
    /// The steps that have services.
    served: Mutex<HashSet<StepKey>>,
    /// The volumes, once they are known to be there.
    pub(super) volumes: tokio::sync::Mutex<Option<Volumes>>,
    events: broadcast::Sender<ExecutorEvent>,
}

/// The volumes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volumes {
    pub(super) generation: u32,
    pub(super) workspace: String,
    /// `None` when only the workspace is left.
    pub(super) states: Option<String>,
}

/// A running container.
#[derive(Clone, Debug)]
struct Warm {
    id: String,
    container: Container,
}

impl Default for Live {
    fn default() -> Self {
        let (events, _) = broadcast::channel(256);
        let served = Mutex::default();
        Self { warm: Mutex::default(), steps: Mutex::default(), served, volumes: tokio::sync::Mutex::default(), events }
    }
}

impl Live {
    fn warm(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<Warm>>>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steps(&self) -> MutexGuard<'_, HashMap<StepKey, Container>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn served(&self) -> MutexGuard<'_, HashSet<StepKey>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the step had services of which nobody took care so far. After a restart they go with the run.
    pub(super) fn take_served(&self, step: &StepKey) -> bool {
        self.served().remove(step)
    }

    pub(super) fn observe(&self) -> BoxStream<'static, ExecutorEvent> {
        stream::unfold(self.events.subscribe(), |mut events| async move {
            loop {
                match events.recv().await {
                    Ok(event) => return Some((event, events)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    fn tell(&self, event: ExecutorEvent) {
        // Nobody may listen.
        let _ = self.events.send(event);
    }
}

/// What kind of container is wanted.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Steps { step: &'a StepSpec, shape: &'a Shape, live: &'a Live },
    Keeper,
}

impl Shared {
    pub(super) async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let shape = Shape::of(step)?;
        convert::allowed(&self.policy, &step.container)?;
        if !step.container.services.is_empty() {
            self.run(step.key.run).served().insert(step.key.clone());
        }
        let live = self.run(step.key.run);
        let volumes = self.volumes_for(step.key.run, step.generation).await?;
        if volumes.states.is_none() {
            let why = "only its workspace is kept".to_owned();
            return Err(ExecutorError::WorkspaceLost { run: step.key.run, why });
        }
        let mut failed = None;
        // A container that went since it was last looked at is made anew, over the states that survived.
        for _ in 0..2 {
            let container = self.container(step, &shape, &live, &volumes).await?;
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
        let key = step.key.clone();
        let reason =
            WaitReason::new("startingContainer", format!("a container of the image {} is started", shape.image));
        live.tell(ExecutorEvent::Waiting { step: key.clone(), reason });
        let wanted = || Wanted::Steps { step, shape, live };
        let made = cell.get_or_try_init(|| self.make(step.key.run, volumes, &name, wanted())).await;
        if made.is_ok() {
            live.tell(ExecutorEvent::Running { step: key });
        }
        made.map(|warm| warm.container.clone())
    }

    /// Makes or finds a container, and connects to it.
    async fn make(&self, run: RunId, volumes: &Volumes, name: &str, wanted: Wanted<'_>) -> Result<Warm, ExecutorError> {
        let helper = self.helper().await?.clone();
        let site = Site {
            names: self.names()?,
            policy: &self.policy,
            run,
            helper: &helper.volume,
            workspace: &volumes.workspace,
            states: volumes.states.as_deref(),
        };
        let body = match wanted {
            Wanted::Keeper => convert::keeper(&site, &helper.image, volumes.generation),
            Wanted::Steps { step, shape, live } => {
                let waiting = || {
                    let reason = WaitReason::new("pullingImage", format!("the image {} is fetched", shape.image));
                    live.tell(ExecutorEvent::Waiting { step: step.key.clone(), reason });
                };
                let platform = shape.options.platform.as_deref();
                let image = self.image(&shape.image, platform, shape.options.pull, waiting).await?;
                let user = image.config.and_then(|config| config.user).unwrap_or_default();
                let user = shape.options.user.clone().unwrap_or(user);
                self.policy.check_user(&user)?;
                if !matches!(user.split(':').next(), Some("" | "0" | "root")) {
                    self.open_to_all(run, volumes).await?;
                }
                convert::steps(&site, shape)
            }
        };
        let platform = match wanted {
            Wanted::Keeper => None,
            Wanted::Steps { shape, .. } => shape.options.platform.as_deref(),
        };
        let id = self.run_container(name, body, platform).await?;
        if let Wanted::Steps { step, shape, .. } = wanted {
            self.services(&site, step, shape, &id).await?;
        }
        let host = DockerHost { connection: Arc::clone(&self.connection), id: id.clone() };
        let container = Container::new(Arc::new(host), convert::place(run, &id), Arc::clone(&self.clock));
        if volumes.states.is_some() {
            container.connect().await?;
            tokio::spawn(renew(container.downgrade(), Arc::clone(&self.clock)));
        }
        Ok(Warm { id, container })
    }

    /// Lets users that are not root write into the volumes: a container of such a user cannot do that itself.
    async fn open_to_all(&self, run: RunId, volumes: &Volumes) -> Result<(), ExecutorError> {
        let keeper = Box::pin(self.keeper(run, volumes)).await?;
        keeper.renew().await
    }

    /// A running container of this name, which is made unless it is there.
    pub(super) async fn run_container(
        &self,
        name: &str,
        body: ContainerCreateBody,
        platform: Option<&str>,
    ) -> Result<String, ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = CreateContainerOptionsBuilder::new().name(name).platform(platform.unwrap_or_default()).build();
        for _ in 0..TRIES {
            // The usual case first: there is none yet.
            match docker.create_container(Some(options.clone()), body.clone()).await {
                Ok(made) => {
                    if self.started(&made.id).await? {
                        return Ok(made.id);
                    }
                }
                Err(error) if is_conflict(&error) => {
                    if let Some(id) = self.running(name).await? {
                        return Ok(id);
                    }
                }
                Err(error) => return Err(self.not_made(&body, error)),
            }
            self.clock.sleep_until(self.clock.now().elapsed + Duration::from_millis(50)).await;
        }
        Err(ExecutorError::Infrastructure {
            code: "dockerRefused",
            message: format!("the container {name} is removed or made by somebody else again and again"),
            advice: "look who else works with it".to_owned(),
        })
    }

    /// The id of the container of this name, when it runs or can be started. One that has ended is removed.
    async fn running(&self, name: &str) -> Result<Option<String>, ExecutorError> {
        use bollard::models::ContainerStateStatusEnum as Status;
        let docker = self.connection.docker().await?;
        let found = match docker.inspect_container(name, None).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(self.connection.error("looking for a container", error)),
        };
        let id = found.id.unwrap_or_default();
        match found.state.and_then(|state| state.status) {
            Some(Status::RUNNING | Status::PAUSED) => Ok(Some(id)),
            Some(Status::CREATED) => Ok(self.started(&id).await?.then_some(id)),
            _ => self.remove_container(&id).await.map(|()| None),
        }
    }

    /// Starts a container; false when it went meanwhile.
    async fn started(&self, id: &str) -> Result<bool, ExecutorError> {
        let docker = self.connection.docker().await?;
        match docker.start_container(id, None).await {
            Ok(()) => Ok(true),
            Err(error) if is_missing(&error) || is_conflict(&error) => Ok(false),
            Err(error) => {
                let error = self.connection.error("starting a container", error);
                self.remove_container(id).await?;
                Err(error)
            }
        }
    }

    fn not_made(&self, body: &ContainerCreateBody, error: bollard::errors::Error) -> ExecutorError {
        let image = body.image.as_deref().unwrap_or_default();
        let message = error.to_string();
        if message.contains("does not match the specified platform") {
            return super::image::wrong_platform(image, &message);
        }
        self.connection.error(&format!("making a container of the image {image}"), error)
    }

    /// A container that serves the run's files and states when no other one is known.
    pub(super) async fn keeper(&self, run: RunId, volumes: &Volumes) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let name = self.names()?.keeper(run, volumes.generation);
        let cell = Arc::clone(live.warm().entry(name.clone()).or_default());
        let warm = cell.get_or_try_init(|| self.make(run, volumes, &name, Wanted::Keeper)).await?;
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

    async fn is_running(&self, id: &str) -> Result<bool, ExecutorError> {
        let docker = self.connection.docker().await?;
        match docker.inspect_container(id, None).await {
            Ok(found) => Ok(found.state.and_then(|state| state.running) == Some(true)),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.connection.error("looking at a container", error)),
        }
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

    /// The ids of the run's containers, running or not.
    pub(super) async fn containers_of(&self, run: RunId) -> Result<Vec<String>, ExecutorError> {
        self.containers(self.names()?.filter(Some(run))).await
    }

    /// The services of the run that have this label.
    pub(super) async fn labelled(&self, run: RunId, label: &str) -> Result<Vec<String>, ExecutorError> {
        let mut filters = self.names()?.filter(Some(run));
        let labels = filters.entry("label".to_owned()).or_default();
        labels.extend([format!("{KIND}={}", Kind::Service.word()), label.to_owned()]);
        self.containers(filters).await
    }

    async fn containers(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<String>, ExecutorError> {
        let docker = self.connection.docker().await?;
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| self.connection.error("listing the run's containers", error))?;
        Ok(found.into_iter().filter_map(|container| container.id).collect())
    }
}

/// Says from time to time that the container is wanted, as long as somebody here knows it.
async fn renew(container: Weak<crate::executor::container::Inner>, clock: crate::clock::SharedClock) {
    loop {
        let Some(inner) = container.upgrade() else { return };
        if let Err(ExecutorError::Lost { .. }) = Container::from(inner).renew().await {
            return;
        }
        clock.sleep_until(clock.now().elapsed + RENEWAL).await;
    }
}
