//! All texts of a task in which variables are replaced, with their places.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::Value;

use crate::pipeline::action::Action;
use crate::pipeline::model::Task;
use crate::pipeline::path::Path;
use crate::pipeline::template::Template;

/// What a place allows beside variables and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Place {
    Plain,
    /// The key of a cache, where `${hash:FILES}` may stand.
    CacheKey,
}

/// Called with each text that refers to something, and with texts in free-form values that cannot be parsed.
pub(in crate::pipeline) type Visit<'v> = dyn FnMut(Path, Place, Result<&Template, String>) + 'v;

/// Visits the texts of a task.
pub(in crate::pipeline) fn of_task(task: &Task, path: &Path, visit: &mut Visit<'_>) {
    let mut walk = Walk { visit, place: Place::Plain };
    walk.option(path, "image", task.image.as_ref());
    walk.map(path, "env", &task.env);
    for (at, service) in task.services.iter().enumerate() {
        let here = path.key("services").item(at);
        walk.one(&here, "image", &service.image);
        walk.map(&here, "env", &service.env);
    }
    for (at, cache) in task.caches.iter().enumerate() {
        let here = path.key("caches").item(at);
        walk.place = Place::CacheKey;
        walk.one(&here, "key", &cache.key);
        walk.list(&here, "fallbackKeys", &cache.fallback_keys);
        walk.place = Place::Plain;
        walk.list(&here, "paths", &cache.paths);
    }
    for (at, artifact) in task.artifacts.iter().enumerate() {
        let here = path.key("artifacts").item(at);
        walk.option(&here, "name", artifact.name.as_ref());
        walk.list(&here, "paths", &artifact.paths);
    }
    if let Some(reports) = &task.reports {
        walk.list(&path.key("reports"), "junit", &reports.junit);
        walk.list(&path.key("reports"), "annotations", &reports.annotations);
    }
    walk.action(&path.key(task.action.key()), &task.action);
}

/// Visits the texts of the pipeline's own environment.
pub(super) fn of_env(env: &IndexMap<String, Template>, visit: &mut Visit<'_>) {
    Walk { visit, place: Place::Plain }.map(&Path::root(), "env", env);
}

struct Walk<'w, 'v> {
    visit: &'w mut Visit<'v>,
    place: Place,
}

impl Walk<'_, '_> {
    fn visit(&mut self, template: &Template, path: impl FnOnce() -> Path) {
        if template.references().next().is_some() {
            (self.visit)(path(), self.place, Ok(template));
        }
    }

    fn one(&mut self, path: &Path, key: &'static str, template: &Template) {
        self.visit(template, || path.key(key));
    }

    fn option(&mut self, path: &Path, key: &'static str, template: Option<&Template>) {
        template.into_iter().for_each(|template| self.one(path, key, template));
    }

    fn list(&mut self, path: &Path, key: &'static str, templates: &[Template]) {
        for (at, template) in templates.iter().enumerate() {
            self.visit(template, || path.key(key).item(at));
        }
    }

    fn map(&mut self, path: &Path, key: &'static str, templates: &IndexMap<String, Template>) {
        for (name, template) in templates {
            self.visit(template, || path.key(key).key(name.clone()));
        }
    }

    /// Texts inside values of any form.
    fn value(&mut self, path: &Path, value: &Value) {
        match value {
            Value::String(text) if text.contains('$') => match Template::parse(text.as_str()) {
                Ok(template) => self.visit(&template, || path.clone()),
                Err(error) => (self.visit)(path.clone(), self.place, Err(error.message)),
            },
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.value(&path.item(at), item);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.value(&path.key(Cow::Owned(key.clone())), item);
                }
            }
            _ => {}
        }
    }

    fn values(&mut self, path: &Path, key: &'static str, values: &IndexMap<String, Value>) {
        for (name, value) in values {
            self.value(&path.key(key).key(name.clone()), value);
        }
    }

    fn action(&mut self, path: &Path, action: &Action) {
        match action {
            Action::Script(_) => {}
            Action::Checkout(a) => {
                self.one(path, "url", &a.url);
                self.option(path, "ref", a.reference.as_ref());
                self.option(path, "path", a.path.as_ref());
                self.option(path, "caCertificate", a.ca_certificate.as_ref());
            }
            Action::BuildImage(a) => {
                self.option(path, "context", a.context.as_ref());
                self.option(path, "dockerfile", a.dockerfile.as_ref());
                self.one(path, "image", &a.image);
                self.list(path, "tags", &a.tags);
                self.map(path, "args", &a.args);
                self.map(path, "labels", &a.labels);
                self.option(path, "target", a.target.as_ref());
                self.option(path, "archive", a.archive.as_ref());
            }
            Action::Approve(a) => self.one(path, "message", &a.message),
            Action::Custom(a) => self.values(path, "with", &a.with),
            _ => self.deployment(path, action),
        }
    }

    fn deployment(&mut self, path: &Path, action: &Action) {
        match action {
            Action::DeployManifests(a) => {
                self.list(path, "paths", &a.paths);
                self.option(path, "cluster", a.cluster.as_ref());
                self.option(path, "namespace", a.namespace.as_ref());
            }
            Action::PublishChart(a) => {
                self.one(path, "path", &a.path);
                self.one(path, "repository", &a.repository);
                self.option(path, "name", a.name.as_ref());
                self.option(path, "version", a.version.as_ref());
            }
            Action::DeployChart(a) => {
                self.one(path, "release", &a.release);
                self.one(path, "chart", &a.chart);
                self.option(path, "repository", a.repository.as_ref());
                self.option(path, "version", a.version.as_ref());
                self.option(path, "cluster", a.cluster.as_ref());
                self.option(path, "namespace", a.namespace.as_ref());
                self.values(path, "values", &a.values);
                self.list(path, "valuesFiles", &a.values_files);
            }
            Action::SyncFiles(a) => {
                self.one(path, "host", &a.host);
                for (at, transfer) in a.transfers.iter().enumerate() {
                    let here = path.key("transfers").item(at);
                    self.list(&here, "include", &transfer.include);
                    self.list(&here, "exclude", &transfer.exclude);
                    self.option(&here, "stripPrefix", transfer.strip_prefix.as_ref());
                    self.one(&here, "to", &transfer.to);
                }
            }
            Action::RunJob(a) => {
                self.option(path, "path", a.path.as_ref());
                self.option(path, "cluster", a.cluster.as_ref());
                self.option(path, "namespace", a.namespace.as_ref());
            }
            _ => {}
        }
    }
}
