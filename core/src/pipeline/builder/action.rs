//! Building tasks whose action has settings of its own.

use std::num::NonZeroU32;

use indexmap::IndexMap;

use super::TaskBuilder;
use super::text::Mistakes;
use crate::pipeline::action::*;
use crate::pipeline::model::Task;
use crate::pipeline::path::Path;

macro_rules! actions {
    ($($type:ident),*) => {$(
        impl From<$type> for Action {
            fn from(action: $type) -> Self {
                Self::$type(action)
            }
        }
    )*};
}

actions!(Checkout, BuildImage, DeployManifests, PublishChart, DeployChart, SyncFiles, RunJob, Approve, Custom);

impl Task {
    /// A task that brings a git repository into the workspace. [`TaskBuilder::reference`] and
    /// [`TaskBuilder::credential`] say more about it.
    pub fn checkout(name: impl AsRef<str>, url: impl AsRef<str>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |mistakes| {
            Checkout {
                url: mistakes.template(url, at("checkout", "url")),
                reference: None,
                credential: None,
                path: None,
                depth: None,
                submodules: false,
                ca_certificate: None,
                verify_certificate: true,
            }
            .into()
        })
    }

    /// A task that builds an image and pushes it. [`TaskBuilder::tag`] and [`TaskBuilder::credential`] say more about it.
    pub fn build_image(name: impl AsRef<str>, image: impl AsRef<str>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |mistakes| {
            BuildImage {
                context: None,
                dockerfile: None,
                image: mistakes.template(image, at("buildImage", "image")),
                tags: Vec::new(),
                args: IndexMap::new(),
                labels: IndexMap::new(),
                target: None,
                archive: None,
                credential: None,
                pull_credentials: Vec::new(),
                push: true,
                no_cache: false,
                insecure: false,
            }
            .into()
        })
    }

    /// A task that applies Kubernetes manifests and waits for the rollout. [`TaskBuilder::cluster`] and
    /// [`TaskBuilder::namespace`] say more about it.
    pub fn deploy_manifests<T: AsRef<str>>(name: impl AsRef<str>, paths: impl IntoIterator<Item = T>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |mistakes| {
            DeployManifests {
                paths: mistakes.templates(paths, &at("deployManifests", "paths")),
                cluster: None,
                namespace: None,
                create_namespace: false,
                pull_credential: None,
                wait: None,
                substitute: true,
                rollback: false,
                prune: false,
                dry_run: false,
            }
            .into()
        })
    }

    /// A task that waits for a person to say yes.
    pub fn approve(name: impl AsRef<str>, message: impl AsRef<str>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |mistakes| {
            Approve { message: mistakes.template(message, at("approve", "message")), approvers: Vec::new() }.into()
        })
    }

    /// A task with an action that the embedder registered, and its settings.
    pub fn custom<K: Into<String>>(
        name: impl AsRef<str>,
        action: impl Into<String>,
        with: impl IntoIterator<Item = (K, serde_json::Value)>,
    ) -> TaskBuilder {
        let with = with.into_iter().map(|(key, value)| (key.into(), value)).collect();
        Self::with(name, Custom { name: action.into(), with })
    }

    /// A task with any action, such as [`SyncFiles`] with all its fields.
    pub fn with(name: impl AsRef<str>, action: impl Into<Action>) -> TaskBuilder {
        TaskBuilder::new(name.as_ref(), |_| action.into())
    }
}

fn at(action: &'static str, key: &'static str) -> Path {
    Path::root().key(action).key(key)
}

/// Settings of actions. One that the task's action does not have is a mistake, told by `build`.
impl TaskBuilder {
    /// The branch, tag or commit of a checkout.
    pub fn reference(self, reference: impl AsRef<str>) -> Self {
        self.setting("ref", |action, mistakes| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.reference = Some(mistakes.template(reference, at("checkout", "ref")));
            true
        })
    }

    /// The folder of a checkout in the workspace.
    pub fn path(self, path: impl AsRef<str>) -> Self {
        self.setting("path", |action, mistakes| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.path = Some(mistakes.template(path, at("checkout", "path")));
            true
        })
    }

    /// How many commits of history a checkout brings; 0 is a mistake.
    pub fn depth(self, commits: u32) -> Self {
        self.setting("depth", |action, mistakes| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.depth = NonZeroU32::new(commits);
            if checkout.depth.is_none() {
                mistakes.report(at("checkout", "depth"), "must be at least 1".to_owned());
            }
            true
        })
    }

    /// Lets a checkout bring submodules as well.
    pub fn with_submodules(self) -> Self {
        self.setting("submodules", |action, _| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.submodules = true;
            true
        })
    }

    /// Certificates of authorities, in PEM, that a checkout trusts beside the system's.
    pub fn ca_certificate(self, pem: impl AsRef<str>) -> Self {
        self.setting("caCertificate", |action, mistakes| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.ca_certificate = Some(mistakes.template(pem, at("checkout", "caCertificate")));
            true
        })
    }

    /// Lets a checkout take any certificate of the host. Whoever is in between then reads the credential.
    pub fn without_verification(self) -> Self {
        self.setting("verifyCertificate", |action, _| {
            let Action::Checkout(checkout) = action else { return false };
            checkout.verify_certificate = false;
            true
        })
    }

    /// The credential of a checkout, an image's build or a chart.
    pub fn credential(self, name: impl AsRef<str>) -> Self {
        self.setting("credential", |action, mistakes| {
            let path = at(action.key(), "credential");
            let credential = match action {
                Action::Checkout(Checkout { credential, .. })
                | Action::BuildImage(BuildImage { credential, .. })
                | Action::PublishChart(PublishChart { credential, .. })
                | Action::DeployChart(DeployChart { credential, .. }) => credential,
                _ => return false,
            };
            *credential = Some(mistakes.name(name, path));
            true
        })
    }

    /// Adds a tag to an image's build.
    pub fn tag(self, tag: impl AsRef<str>) -> Self {
        self.setting("tags", |action, mistakes| {
            let Action::BuildImage(build) = action else { return false };
            let path = at("buildImage", "tags").item(build.tags.len());
            build.tags.push(mistakes.template(tag, path));
            true
        })
    }

    /// Adds a build argument of an image.
    pub fn build_arg(self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.setting("args", |action, mistakes| {
            let Action::BuildImage(build) = action else { return false };
            let name = name.into();
            let value = mistakes.template(value, at("buildImage", "args").key(name.clone()));
            build.args.insert(name, value);
            true
        })
    }

    /// The credential with which private images are fetched: the image of a script's container, base images of an image's build (can
    /// be called several times there), images of a deployment.
    pub fn pull_credential(mut self, name: impl AsRef<str>) -> Self {
        let action = self.task.action.key();
        match &mut self.task.action {
            Action::Script(_) => {
                let path = at("container", "credential");
                let credential = Some(self.mistakes.name(name, path));
                self.task.container.get_or_insert_default().credential = credential;
                self
            }
            Action::BuildImage(build) => {
                let path = at("buildImage", "pullCredentials").item(build.pull_credentials.len());
                build.pull_credentials.push(self.mistakes.name(name, path));
                self
            }
            Action::DeployManifests(deploy) => {
                deploy.pull_credential = Some(self.mistakes.name(name, at(action, "pullCredential")));
                self
            }
            _ => {
                self.mistakes.report(at(action, "pullCredential"), format!("the action {action} fetches no images"));
                self
            }
        }
    }

    /// The cluster of a deployment or a Job, as the embedder registered it.
    pub fn cluster(self, name: impl AsRef<str>) -> Self {
        self.setting("cluster", |action, mistakes| {
            let path = at(action.key(), "cluster");
            let cluster = match action {
                Action::DeployManifests(DeployManifests { cluster, .. })
                | Action::DeployChart(DeployChart { cluster, .. })
                | Action::RunJob(RunJob { cluster, .. }) => cluster,
                _ => return false,
            };
            *cluster = Some(mistakes.template(name, path));
            true
        })
    }

    /// The namespace of a deployment or a Job.
    pub fn namespace(self, name: impl AsRef<str>) -> Self {
        self.setting("namespace", |action, mistakes| {
            let path = at(action.key(), "namespace");
            let namespace = match action {
                Action::DeployManifests(DeployManifests { namespace, .. })
                | Action::DeployChart(DeployChart { namespace, .. })
                | Action::RunJob(RunJob { namespace, .. }) => namespace,
                _ => return false,
            };
            *namespace = Some(mistakes.template(name, path));
            true
        })
    }

    /// Who may decide an approval; anyone when it is never called.
    pub fn approvers<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.setting("approvers", |action, _| {
            let Action::Approve(approve) = action else { return false };
            approve.approvers = names.into_iter().map(Into::into).collect();
            true
        })
    }

    fn setting(mut self, key: &'static str, set: impl FnOnce(&mut Action, &mut Mistakes) -> bool) -> Self {
        if !set(&mut self.task.action, &mut self.mistakes) {
            let action = self.task.action.key();
            self.mistakes.report(at(action, key), format!("the action {action} has no {key}"));
        }
        self
    }
}
