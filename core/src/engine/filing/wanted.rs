//! What a task wants filed, with its values put in.

use std::time::Duration;

use super::super::core::Core;
use super::super::request::StoredRequest;
use crate::blob::{BadGlob, CacheScope, Globs, may_save, scopes};
use crate::pipeline::{Artifact, ArtifactWhen, BadValue, Cache, KeyPiece, Scope, Task, TaskIndex, Template};
use crate::run::{Cause, RunState, StepKey};

/// The longest key and name, in bytes.
const MAX_NAME: usize = 500;

/// What a task wants filed.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) pipeline: String,
    /// Where caches are looked for; the first one is where they are saved.
    pub(super) scopes: Vec<CacheScope>,
    /// Whether the run may leave caches.
    pub(super) may_save: bool,
    pub(super) caches: Vec<WantedCache>,
    pub(super) artifacts: Vec<WantedArtifact>,
    pub(super) junit: Option<Globs>,
    pub(super) annotations: Option<Globs>,
}

/// A cache before the digests in its keys are known.
#[derive(Debug)]
pub(super) struct WantedCache {
    pub(super) key: Vec<KeyPiece>,
    pub(super) fallbacks: Vec<Vec<KeyPiece>>,
    pub(super) paths: Vec<String>,
    pub(super) globs: Globs,
}

/// An artifact to be stored.
#[derive(Debug)]
pub(super) struct WantedArtifact {
    pub(super) name: String,
    pub(super) globs: Globs,
    pub(super) keep: Option<Duration>,
    pub(super) when: ArtifactWhen,
}

/// Whether a task has anything of the kind.
pub(in crate::engine) fn wants_filing(task: &Task) -> bool {
    !task.caches.is_empty()
        || !task.artifacts.is_empty()
        || task.reports.as_ref().is_some_and(|reports| !reports.junit.is_empty() || !reports.annotations.is_empty())
}

impl Wanted {
    pub(super) fn of(
        core: &Core,
        request: &StoredRequest,
        state: &RunState,
        index: TaskIndex,
        key: &StepKey,
    ) -> Result<Self, Cause> {
        let planned = state.plan().task(index);
        let task = &planned.definition;
        let url = core.run_url(key.run).unwrap_or_default();
        let reports = task.reports.clone().unwrap_or_default();
        let wanted = state.with_facts(key.attempt, &url, |facts| {
            let scope = state.plan().scope(index, facts);
            let artifact = |artifact: &Artifact| {
                WantedArtifact::of(artifact, &scope, planned.id.as_str(), core.blob_settings.keep_artifacts)
            };
            Ok(Self {
                pipeline: state.plan().pipeline.to_string(),
                scopes: scopes(state.commit(), &core.blob_settings.default_branches),
                may_save: may_save(&request.trigger),
                caches: task.caches.iter().map(|cache| WantedCache::of(cache, &scope)).collect::<Result<_, _>>()?,
                artifacts: task.artifacts.iter().map(artifact).collect::<Result<_, _>>()?,
                junit: globs(&reports.junit, &scope)?,
                annotations: globs(&reports.annotations, &scope)?,
            })
        });
        let wanted: Self = wanted.map_err(|bad: BadValue| Cause::from(bad))?;
        wanted.check_names().map_err(Cause::from)?;
        Ok(wanted)
    }

    fn check_names(&self) -> Result<(), BadValue> {
        for (at, artifact) in self.artifacts.iter().enumerate() {
            if self.artifacts[..at].iter().any(|other| other.name == artifact.name) {
                let message = format!("two artifacts of the task are named {:?}", artifact.name);
                return Err(BadValue::new(message, "give one of them another name"));
            }
        }
        Ok(())
    }
}

impl WantedCache {
    fn of(cache: &Cache, scope: &dyn Scope) -> Result<Self, BadValue> {
        let paths: Vec<String> = resolved(&cache.paths, scope)?;
        Ok(Self {
            key: cache.key.resolve_key(scope)?,
            fallbacks: cache.fallback_keys.iter().map(|key| key.resolve_key(scope)).collect::<Result<_, _>>()?,
            globs: Globs::new(paths.iter().map(String::as_str)).map_err(bad_glob)?,
            paths,
        })
    }
}

impl WantedArtifact {
    fn of(artifact: &Artifact, scope: &dyn Scope, task: &str, keep: Option<Duration>) -> Result<Self, BadValue> {
        let name = match &artifact.name {
            Some(name) => checked_name(name.resolve(scope)?, "name of an artifact")?,
            None => task.to_owned(),
        };
        let paths: Vec<String> = resolved(&artifact.paths, scope)?;
        let globs = Globs::new(paths.iter().map(String::as_str)).map_err(bad_glob)?;
        let keep = artifact.keep.map(|keep| keep.get()).or(keep);
        Ok(Self { name, globs, keep, when: artifact.when })
    }
}

/// A text under which something is found again: not empty, in one line, not too long.
pub(super) fn checked_name(name: String, what: &str) -> Result<String, BadValue> {
    let why = match () {
        () if name.trim().is_empty() => "is empty".to_owned(),
        () if name.len() > MAX_NAME => format!("has {} bytes, and {MAX_NAME} are allowed", name.len()),
        () if name.contains(|c: char| c.is_control()) => {
            "contains a line break or another control character".to_owned()
        }
        () => return Ok(name),
    };
    Err(BadValue::new(format!("the {what} {why}"), "look at the values that are put into it"))
}

fn globs(patterns: &[Template], scope: &dyn Scope) -> Result<Option<Globs>, BadValue> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let patterns = resolved(patterns, scope)?;
    Globs::new(patterns.iter().map(String::as_str)).map(Some).map_err(bad_glob)
}

fn resolved(texts: &[Template], scope: &dyn Scope) -> Result<Vec<String>, BadValue> {
    texts.iter().map(|text| text.resolve(scope)).collect()
}

fn bad_glob(bad: BadGlob) -> BadValue {
    BadValue::new(bad.to_string(), "write a path below the workspace, with `*`, `**`, `?`, `[…]` and `{…}`")
}
