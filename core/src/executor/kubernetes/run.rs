//! The containers of a run: made when a step needs one, found again by their names.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};

use super::convert::{self, KEEPER, Site};
use super::host::PodHost;
use super::live::{HomePod, Live, Spot, renew};
use super::names::{head, place_name};
use super::pull::{names_secret, pull_of};
use super::reach::is_missing;
use super::security;
use super::shape::{Home, Shape};
use super::status::{Hindrance, Standing, ended_pod, has_container, running, standing, stuck};
use super::{Shared, lost, workspace_lost};
use crate::executor::container::Container;
use crate::executor::{ExecutorError, ExecutorEvent, StepOutline, StepSpec};
use crate::run::{RunId, StepKey, WaitReason};

/// How long something may be in the way that could pass by itself.
const TROUBLE: Duration = Duration::from_secs(120);
/// How long the watch is trusted before somebody looks for himself.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// How often a container is tried that was started just now, and the pause after the first time; it doubles. The keeper brings
/// what others need, so that it has to get ready itself.
const EARLY: u32 = 6;
const SOON: Duration = Duration::from_millis(15);
/// How often a container that went is replaced by another one in the same pod.
const REPLACEMENTS: u32 = 5;

/// A container that is waited for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) step: Option<&'a StepKey>,
    pub(super) pod: &'a HomePod,
    pub(super) container: &'a str,
    pub(super) image: &'a str,
}

impl Shared {
    pub(super) async fn start(&self, step: &StepSpec) -> Result<(), ExecutorError> {
        let shape = Shape::of(&StepOutline::of(step))?;
        security::check(&self.policy, &step.container)?;
        let live = self.run(step.key.run);
        let home = self.home_for(step.key.run, step.generation).await?;
        if home.kept {
            return Err(workspace_lost(step.key.run, "only its workspace is kept"));
        }
        let away = match shape.home() {
            Home::Own => true,
            Home::Anywhere => false,
            Home::Early | Home::Late if live.is_warm(&place_name(&head(home.generation), &shape.container())) => false,
            Home::Early => !has_container(&self.pod(&home).await?, &shape.container()),
            Home::Late => !self.opens(&home, &shape).await?,
        };
        let started = if away {
            self.start_away(step, &shape, &live, &home).await
        } else {
            self.start_at_home(step, &shape, &live, &home).await
        };
        match started {
            // It was stopped before anything ran: `wait` tells so.
            Err(ExecutorError::NeverStarted) => Ok(()),
            other => other,
        }
    }

    async fn start_at_home(
        &self,
        step: &StepSpec,
        shape: &Shape,
        live: &Arc<Live>,
        home: &HomePod,
    ) -> Result<(), ExecutorError> {
        for replacement in 0..REPLACEMENTS {
            let name = match replacement {
                0 => shape.container(),
                more => format!("{}-{more}", shape.container()),
            };
            let place = place_name(&head(home.generation), &name);
            let cell = live.warm(&place);
            let made = cell.get_or_try_init(|| self.warm_up(step, shape, (live, home), &name)).await;
            let started = match made {
                Ok(container) => container.start(step).await.map(|_| container),
                Err(error) => Err(error),
            };
            match started {
                Ok(container) => {
                    live.place(&step.key, Spot { pod: home.pod.clone(), container: name, alone: false });
                    live.begun(&step.key);
                    live.put_step(&step.key, container.clone());
                    return Ok(());
                }
                // The container went, and with it maybe the pod: then there is no other one.
                Err(ExecutorError::Lost { .. }) => {
                    live.cool(&place);
                    self.pod(home).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(lost("its container went again and again"))
    }

    /// Whether the run's pod can fetch the private image of a shape.
    async fn opens(&self, home: &HomePod, shape: &Shape) -> Result<bool, ExecutorError> {
        let site = self.site(home.run, home.generation)?;
        let secret = pull_of(shape).map(|pull| pull.secret(&site));
        let pod = self.pod(home).await?;
        Ok(secret.is_none_or(|secret| names_secret(&pod, &secret)))
    }

    /// A running container of the run's pod, which is added when it is not there.
    async fn warm_up(
        &self,
        step: &StepSpec,
        shape: &Shape,
        (live, home): (&Arc<Live>, &HomePod),
        name: &str,
    ) -> Result<Container, ExecutorError> {
        let of = |container| Wanted { step: Some(&step.key), pod: home, container, image: &shape.image };
        live.place(&step.key, Spot { pod: home.pod.clone(), container: name.to_owned(), alone: false });
        self.make_pull_secrets(step, shape).await?;
        // A container that was there once is always listed, so that what the watch knows of it is true.
        let known = self.watch().await?.get(&home.pod).filter(|pod| pod.metadata.uid.as_deref() == Some(&home.uid));
        let listed = match known.filter(|pod| has_container(pod, name)) {
            Some(_) => true,
            None => has_container(&self.pod(home).await?, name),
        };
        if !listed {
            self.running(live, of(KEEPER)).await?;
            self.add(step.key.run, shape, (live, home), name).await?;
        }
        let container = self.reached(live, of(name), &head(home.generation)).await?;
        live.begun(&step.key);
        live.tell(ExecutorEvent::Running { step: step.key.clone() });
        tokio::spawn(renew(container.downgrade(), Arc::clone(&self.clock)));
        Ok(container)
    }

    /// A container of a pod that is being started, connected as soon as that can be.
    ///
    /// Nodes look at their containers once a second, and so the cluster knows of one up to a second late that it runs. But they
    /// say at once that they have started one, where somebody hears that. It is no more than a hint: a container that cannot be
    /// reached then is waited for as any other.
    pub(super) async fn reached(
        &self,
        live: &Live,
        wanted: Wanted<'_>,
        head: &str,
    ) -> Result<Container, ExecutorError> {
        let container = self.connection(wanted.pod.run, (head, wanted.pod), wanted.container);
        let early = async {
            live.heard_start(&wanted.pod.uid, wanted.container).await;
            let mut pause = SOON;
            for _ in 0..EARLY {
                if container.reach().await {
                    return;
                }
                self.pause(pause).await;
                pause *= 2;
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            running = self.running(live, wanted) => {
                running?;
                container.connect().await?;
            }
            () = early => {}
        }
        Ok(container)
    }

    /// A container of a pod, to which nothing is said yet.
    pub(super) fn connection(&self, run: RunId, (head, pod): (&str, &HomePod), container: &str) -> Container {
        let host = PodHost {
            way: Arc::clone(&self.way),
            pod: pod.pod.clone(),
            uid: pod.uid.clone(),
            container: container.to_owned(),
        };
        let place = convert::place(run, place_name(head, container));
        Container::new(Arc::new(host), place, Arc::clone(&self.clock))
    }

    /// Adds a container to the run's pod, one at a time: each request tells all that there are.
    async fn add(
        &self,
        run: RunId,
        shape: &Shape,
        (live, home): (&Live, &HomePod),
        name: &str,
    ) -> Result<(), ExecutorError> {
        let _alone = live.adding.lock().await;
        let mut late = convert::late_container(&self.site(run, home.generation)?, shape)?;
        name.clone_into(&mut late.name);
        let patch = serde_json::json!({"spec": {"ephemeralContainers": [late]}});
        let pods = self.way.pods().await?;
        let added = pods.patch_ephemeral_containers(&home.pod, &PatchParams::default(), &Patch::Strategic(patch)).await;
        match added {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(workspace_lost(run, "its pod was removed")),
            Err(error) => Err(self.way.error(&format!("adding a container to the pod {}", home.pod), &error).await),
        }
    }

    pub(super) fn site(&self, run: RunId, generation: u32) -> Result<Site<'_>, ExecutorError> {
        Ok(Site { names: self.names()?, policy: &self.policy, settings: &self.settings, run, generation })
    }

    /// The pod as the cluster has it on record. `WorkspaceLost` when it is gone or over.
    pub(super) async fn pod(&self, home: &HomePod) -> Result<Pod, ExecutorError> {
        let found = self.look(&home.pod).await?.filter(|pod| pod.metadata.uid.as_deref() == Some(&home.uid));
        match found {
            None => Err(workspace_lost(home.run, format!("the pod {} was removed", home.pod))),
            Some(pod) => match pod.status.as_ref().and_then(ended_pod) {
                Some(why) => Err(workspace_lost(home.run, why)),
                None => Ok(pod),
            },
        }
    }

    /// Asks the cluster for a pod, past all caches.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Pod>, ExecutorError> {
        match self.way.pods().await?.get_opt(name).await {
            Ok(found) => Ok(found),
            Err(error) => Err(self.way.error(&format!("looking at the pod {name}"), &error).await),
        }
    }

    /// Returns when a container runs. Tells what it waits for meanwhile.
    pub(super) async fn running(&self, live: &Live, wanted: Wanted<'_>) -> Result<(), ExecutorError> {
        let watch = self.watch().await?;
        let mut changes = watch.changes();
        let mut told: Option<WaitReason> = None;
        let mut in_trouble = None;
        loop {
            changes.borrow_and_update();
            let stop = live.stop.notified();
            if wanted.step.is_some_and(|step| live.is_stopped(step)) {
                return Err(ExecutorError::NeverStarted);
            }
            let known = watch.get(&wanted.pod.pod).filter(|pod| pod.metadata.uid.as_deref() == Some(&wanted.pod.uid));
            let pod = match known {
                Some(pod) => pod,
                None => Arc::new(self.pod(wanted.pod).await?),
            };
            let hindrance = match self.verdict(&pod, &wanted).await? {
                None => return Ok(()),
                Some(hindrance) => hindrance,
            };
            let now = self.clock.now().elapsed;
            match &hindrance {
                Hindrance::Hopeless(cause) => return Err(stuck(cause)),
                Hindrance::Trouble(cause) => {
                    let since = *in_trouble.get_or_insert(now);
                    if now.since(since) > TROUBLE {
                        return Err(stuck(cause));
                    }
                }
                Hindrance::Starting | Hindrance::NoRoom(_) => in_trouble = None,
            }
            let reason = hindrance.reason(wanted.image);
            if let Some(step) = wanted.step.filter(|_| told.as_ref() != Some(&reason)) {
                live.tell(ExecutorEvent::Waiting { step: step.clone(), reason: reason.clone() });
                told = Some(reason);
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = stop => {}
                () = self.pause(LOOK) => {
                    // The watch may be behind or broken.
                    let pod = self.pod(wanted.pod).await?;
                    if self.verdict(&pod, &wanted).await?.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// What keeps a container from running; `None` when it runs.
    async fn verdict(&self, pod: &Pod, wanted: &Wanted<'_>) -> Result<Option<Hindrance>, ExecutorError> {
        // The others need what the keeper brings.
        let keeper = standing(pod, KEEPER);
        if let Standing::Waiting(hindrance @ (Hindrance::Trouble(_) | Hindrance::Hopeless(_))) = &keeper {
            return Ok(Some(hindrance.clone()));
        }
        if let Standing::NotStarted(why) = keeper {
            return Err(self.bad_helper(&why));
        }
        match standing(pod, wanted.container) {
            Standing::Running => Ok(None),
            Standing::Waiting(hindrance) => Ok(Some(hindrance)),
            Standing::NotStarted(why) | Standing::Over(why) => {
                // Unless the pod is over as a whole, another container can take its place.
                self.pod(wanted.pod).await?;
                Err(lost(why))
            }
        }
    }

    fn bad_helper(&self, why: &str) -> ExecutorError {
        ExecutorError::BadStep {
            code: "badHelper",
            message: format!("the helper image {} cannot be used: {why}", self.settings.helper_image()),
            advice: "give the executor an image with a static /bin/busybox for the platform of the nodes".to_owned(),
        }
    }

    /// A container through which the workspace can be read and written.
    pub(super) async fn files(&self, run: RunId) -> Result<Container, ExecutorError> {
        let home = self.newest_home(run).await?;
        self.any(run, &home).await
    }

    /// Any container of the run's pod that runs: the keeper first. Waits for it while the pod is being started.
    pub(super) async fn any(&self, run: RunId, home: &HomePod) -> Result<Container, ExecutorError> {
        let live = self.run(run);
        let head = head(home.generation);
        let keeper = live.warm(&place_name(&head, KEEPER));
        if let Some(container) = keeper.get() {
            return Ok(container.clone());
        }
        let pod = self.pod(home).await?;
        let found = running(&pod);
        let name = found.first().map_or(KEEPER, String::as_str);
        let cell = live.warm(&place_name(&head, name));
        let make = || async {
            let made = if found.is_empty() {
                let image = self.settings.helper_image();
                self.reached(&live, Wanted { step: None, pod: home, container: KEEPER, image }, &head).await?
            } else {
                self.connection(run, (&head, home), name)
            };
            tokio::spawn(renew(made.downgrade(), Arc::clone(&self.clock)));
            Ok(made)
        };
        cell.get_or_try_init(make).await.cloned()
    }
}
