//! What tells the containers of a run apart. Pure.

use crate::executor::installation::digest;
use crate::executor::{ExecutorError, StepOutline};
use crate::pipeline::{ContainerOptions, Isolation, Resources};

/// Everything that makes one container unlike another: steps of one shape share a warm container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) image: String,
    pub(super) resources: Resources,
    pub(super) options: ContainerOptions,
    /// Names by which the step reaches what is beside it.
    pub(super) services: Vec<String>,
    /// The step that has this container for itself.
    pub(super) own: Option<String>,
}

/// Where the container of a shape can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the pod of its run, also when it is known only while that runs.
    Anywhere,
    /// In the pod of its run when it is known beforehand, else in a pod of its own.
    Early,
    /// In the pod of its run when that was made for its credential, but not before its step is there with it; else in a pod of its own.
    Late,
    /// In a pod of its own, since it asks for something that a pod has as a whole.
    Own,
}

impl Shape {
    /// The shape that a step needs. One with a memory limit has a container for itself, or another step could use it up.
    pub(super) fn of(step: &StepOutline) -> Result<Self, ExecutorError> {
        let image = step.image.clone().filter(|image| !image.is_empty()).ok_or_else(|| ExecutorError::BadStep {
            code: "noImage",
            message: format!("the task {} names no image, and its step runs in a pod", step.key.task),
            advice: "give the task an `image`, such as debian:12".to_owned(),
        })?;
        // What only concerns the command makes no other container.
        let options =
            ContainerOptions { working_folder: None, entrypoint: Vec::new(), ..step.container.options.clone() };
        let services: Vec<String> = step.container.services.iter().map(|service| service.name.clone()).collect();
        let limited = step.resources.limits.memory.is_some();
        let alone = step.isolation == Isolation::Task || limited || !services.is_empty();
        let own = alone.then(|| step.key.slug());
        Ok(Self { image, resources: step.resources.clone(), options, services, own })
    }

    /// Where its container can be.
    pub(super) fn home(&self) -> Home {
        let options = &self.options;
        let of_the_pod = !self.services.is_empty()
            || !options.hosts.is_empty()
            || options.network.is_some()
            || options.platform.is_some();
        let bounded = self.resources != Resources::default() || !options.volumes.is_empty();
        let private = options.credential.is_some();
        if of_the_pod || (private && bounded) {
            Home::Own
        } else if private {
            Home::Late
        } else if bounded {
            Home::Early
        } else {
            Home::Anywhere
        }
    }

    /// The name of its container, which only this shape has.
    pub(super) fn container(&self) -> String {
        format!("s-{}", digest(format!("{self:?}").as_bytes(), 12))
    }
}
