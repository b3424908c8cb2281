//! Building tasks.

use std::num::NonZeroU32;
use std::time::Duration;

use super::text::Mistakes;
use crate::pipeline::action::Action;
use crate::pipeline::container::{ContainerOptions, HealthCheck, Service};
use crate::pipeline::model::*;
use crate::pipeline::name::TaskName;
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::template::Template;

impl Task {
    /// A task that runs a script.
    pub fn script(name: impl AsRef<str>, script: impl Into<String>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |_| Action::Script(script.into()))
    }
}

/// Builds a [`Task`].
#[derive(Debug)]
#[must_use = "give it to `StageBuilder::task` or `PipelineBuilder::finally`"]
pub struct TaskBuilder {
    pub(super) task: Task,
    pub(super) mistakes: Mistakes,
}

fn at(key: &'static str) -> Path {
    Path::root().key(key)
}

impl TaskBuilder {
    pub(super) fn new(name: &str, action: impl FnOnce(&mut Mistakes) -> Action) -> Self {
        let mut mistakes = Mistakes::default();
        let name: TaskName = mistakes.name(name, at("name"));
        let action = action(&mut mistakes);
        Self { task: Task::new(name, action), mistakes }
    }

    /// The image in which its step runs, where the executor has images.
    pub fn image(mut self, image: impl AsRef<str>) -> Self {
        self.task.image = Some(self.mistakes.template(image, at("image")));
        self
    }

    /// The shell of its script, such as `bash -eo pipefail`.
    pub fn shell(mut self, shell: impl Into<String>) -> Self {
        self.task.shell = Some(shell.into());
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        let name = name.into();
        let value = self.mistakes.template(value, at("env").key(name.clone()));
        self.task.env.insert(name, value);
        self
    }

    /// Declares a key that it may write to `$WINDLASS_OUTPUT`.
    pub fn output(mut self, key: impl AsRef<str>) -> Self {
        let path = at("outputs").item(self.task.outputs.len());
        self.task.outputs.push(self.mistakes.name(key, path));
        self
    }

    /// Declares keys that it may write to `$WINDLASS_OUTPUT`.
    pub fn outputs<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        keys.into_iter().fold(self, Self::output)
    }

    /// Adds an axis to its matrix: an instance for each combination of values.
    pub fn matrix<T: Into<String>>(mut self, axis: impl AsRef<str>, values: impl IntoIterator<Item = T>) -> Self {
        let axis = self.mistakes.name(&axis, at("matrix").key(axis.as_ref().to_owned()));
        self.task.matrix.insert(axis, values.into_iter().map(Into::into).collect());
        self
    }

    /// A CEL expression; when it is false the task is skipped.
    pub fn when(mut self, expression: impl AsRef<str>) -> Self {
        self.task.when = Some(self.mistakes.condition(expression, at("when")));
        self
    }

    /// The tasks for which it waits, instead of what its place in the stages says. None: it starts at once.
    pub fn needs<T: AsRef<str>>(mut self, tasks: impl IntoIterator<Item = T>) -> Self {
        let path = at("needs");
        let names = tasks.into_iter().enumerate().map(|(index, task)| self.mistakes.name(task, path.item(index)));
        self.task.needs = Some(names.collect());
        self
    }

    /// Lets the run go on when it fails.
    pub fn allow_failure(mut self) -> Self {
        self.task.allow_failure = true;
        self
    }

    /// How many attempts there are in all, the first one included. 0 stands for 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retry_mut().attempts = NonZeroU32::new(attempts).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// The ends that are worth another attempt.
    pub fn retry_on(mut self, on: impl IntoIterator<Item = RetryOn>) -> Self {
        self.retry_mut().on = on.into_iter().collect();
        self
    }

    /// The pause before the second attempt; it doubles with each further one.
    pub fn backoff(mut self, backoff: Duration) -> Self {
        self.retry_mut().backoff = Some(backoff.into());
        self
    }

    /// The task from which to repeat when the workspace was lost.
    pub fn repeat_from(mut self, task: impl AsRef<str>) -> Self {
        let from = self.mistakes.name(task, at("retry").key("from"));
        self.retry_mut().from = Some(from);
        self
    }

    fn retry_mut(&mut self) -> &mut Retry {
        self.task.retry.get_or_insert_with(|| Retry {
            attempts: NonZeroU32::MIN,
            on: default_retry_on(),
            backoff: None,
            from: None,
        })
    }

    /// The longest time one attempt may run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.task.timeout = Some(timeout.into());
        self
    }

    /// How long a stopped step has between the signal and the kill.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.task.grace = Some(grace.into());
        self
    }

    /// Where the step runs, instead of the pipeline's executor.
    pub fn executor(mut self, name: impl AsRef<str>) -> Self {
        self.task.executor = Some(self.mistakes.name(name, at("executor")));
        self
    }

    /// Adds folders that are kept between runs under a key.
    pub fn cache<T: AsRef<str>>(mut self, key: impl AsRef<str>, paths: impl IntoIterator<Item = T>) -> Self {
        let path = at("caches").item(self.task.caches.len());
        let key = self.mistakes.template(key, path.key("key"));
        let paths = self.mistakes.templates(paths, &path.key("paths"));
        self.task.caches.push(Cache { key, paths, fallback_keys: Vec::new() });
        self
    }

    /// Adds files that are kept after the run.
    pub fn artifact<T: AsRef<str>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        let path = at("artifacts").item(self.task.artifacts.len());
        let paths = self.mistakes.templates(paths, &path.key("paths"));
        self.task.artifacts.push(Artifact { name: None, paths, keep: None, when: ArtifactWhen::OnSuccess });
        self
    }

    /// Adds files that are kept after the run under a name, after this end of the task.
    pub fn named_artifact<T: AsRef<str>>(
        mut self,
        name: impl AsRef<str>,
        paths: impl IntoIterator<Item = T>,
        when: ArtifactWhen,
    ) -> Self {
        let path = at("artifacts").item(self.task.artifacts.len());
        let name = Some(self.mistakes.template(name, path.key("name")));
        let paths = self.mistakes.templates(paths, &path.key("paths"));
        self.task.artifacts.push(Artifact { name, paths, keep: None, when });
        self
    }

    /// Adds JUnit files that are read into the run.
    pub fn junit<T: AsRef<str>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        let paths: Vec<Template> = self.mistakes.templates(paths, &at("reports").key("junit"));
        self.task.reports.get_or_insert_default().junit.extend(paths);
        self
    }

    /// Adds files with remarks about places in files that are read into the run; see [`Reports::annotations`].
    pub fn annotations<T: AsRef<str>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        let paths: Vec<Template> = self.mistakes.templates(paths, &at("reports").key("annotations"));
        self.task.reports.get_or_insert_default().annotations.extend(paths);
        self
    }

    /// Adds beginnings of keys that will do where the key of the cache that was added last is not there.
    pub fn fallback_keys<T: AsRef<str>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        let Some(last) = self.task.caches.len().checked_sub(1) else { return self };
        let keys: Vec<Template> = self.mistakes.templates(keys, &at("caches").item(last).key("fallbackKeys"));
        self.task.caches[last].fallback_keys.extend(keys);
        self
    }

    /// What must be free where it runs, and what it may not pass.
    pub fn resources(mut self, requests: Quantities, limits: Quantities) -> Self {
        self.task.resources = Some(Resources { requests, limits });
        self
    }

    /// Gives a credential to the step as an environment variable.
    pub fn secret(self, variable: impl AsRef<str>, credential: impl AsRef<str>) -> Self {
        self.give(variable, credential, None, SecretForm::Env)
    }

    /// Gives one value of a credential to the step as an environment variable: `user`, `password` …
    pub fn secret_key(self, variable: impl AsRef<str>, credential: impl AsRef<str>, key: impl Into<String>) -> Self {
        self.give(variable, credential, Some(key.into()), SecretForm::Env)
    }

    /// Gives a credential to the step as a file, whose path is in the environment variable.
    pub fn secret_file(self, variable: impl AsRef<str>, credential: impl AsRef<str>) -> Self {
        self.give(variable, credential, None, SecretForm::File)
    }

    fn give(
        mut self,
        variable: impl AsRef<str>,
        credential: impl AsRef<str>,
        key: Option<String>,
        form: SecretForm,
    ) -> Self {
        let path = at("secrets").item(self.task.secrets.len());
        let name = self.mistakes.name(variable, path.key("name"));
        let from = self.mistakes.name(credential, path.key("from"));
        self.task.secrets.push(SecretVariable { name, from, key, form });
        self
    }

    /// What else its container has, where the executor has containers.
    pub fn container(mut self, options: ContainerOptions) -> Self {
        self.task.container = Some(options);
        self
    }

    /// Adds a container beside the step, such as a database: the step reaches it by this name. It is ready when the command, if
    /// there is one, succeeds in it.
    pub fn service(mut self, name: impl Into<String>, image: impl AsRef<str>, ready: Option<&str>) -> Self {
        let path = at("services").item(self.task.services.len()).key("image");
        let image = self.mistakes.template(image, path);
        let health = ready.map(|command| HealthCheck { command: command.to_owned(), interval: None, timeout: None });
        let (command, env) = (Vec::new(), indexmap::IndexMap::new());
        self.task.services.push(Service {
            name: name.into(),
            image,
            credential: None,
            command,
            env,
            health,
            privileged: false,
        });
        self
    }

    /// The credential with which the image of the service is fetched that was added last.
    pub fn service_credential(mut self, name: impl AsRef<str>) -> Self {
        let Some(last) = self.task.services.len().checked_sub(1) else {
            self.mistakes
                .report(at("services"), "there is no service yet to which a credential could belong".to_owned());
            return self;
        };
        let credential = self.mistakes.name(name, at("services").item(last).key("credential"));
        if let Some(service) = self.task.services.last_mut() {
            service.credential = Some(credential);
        }
        self
    }

    /// Whether the step shares its container or pod with others of the run.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.task.isolation = isolation;
        self
    }

    /// Whether the step sees the run's workspace.
    pub fn workspace(mut self, workspace: WorkspaceUse) -> Self {
        self.task.workspace = workspace;
        self
    }

    pub(super) fn finish(self, path: &Path, findings: &mut Findings) -> Task {
        self.mistakes.move_below(path, findings);
        self.task
    }
}
