//! What is kept of attempts beside their logs.

use super::super::event::RunEvent;
use super::super::filed::{Filing, RestoredCache, StoredArtifact};
use super::RunState;
use super::apply::Taken;
use super::illegal::IllegalReason;
use crate::pipeline::{TaskId, TaskIndex};
use crate::report::{Annotation, TestSummary};

/// What is kept of a task. Most tasks have nothing of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filed {
    /// Of all attempts; a later one of the same name replaces an earlier one. Each with the attempt that left it.
    pub(super) artifacts: Vec<(u32, StoredArtifact)>,
    /// The caches with which the newest attempt began, once they were looked for.
    pub(super) caches: Option<Vec<RestoredCache>>,
    /// What the tests of the newest attempt said.
    pub(super) tests: Option<TestSummary>,
    /// Remarks of the newest attempt.
    pub(super) annotations: Vec<Annotation>,
    /// How many more there were.
    pub(super) more_annotations: u64,
}

impl Filed {
    /// Another attempt begins.
    pub(super) fn begin_again(&mut self) {
        let artifacts = std::mem::take(&mut self.artifacts);
        *self = Self { artifacts, ..Self::default() };
    }

    fn keep(&mut self, attempt: u32, artifact: StoredArtifact) {
        self.artifacts.retain(|(_, known)| known.name != artifact.name);
        self.artifacts.push((attempt, artifact));
    }
}

impl RunState {
    pub(super) fn filed(&self, index: TaskIndex, attempt: u32, filing: Filing) -> Option<RunEvent> {
        let (task, _) = self.going_on(index, attempt)?;
        Some(match filing {
            Filing::CachesRestored(caches) => RunEvent::CachesRestored { task, attempt, caches },
            Filing::TestsReported(tests) => RunEvent::TestsReported { task, attempt, tests },
            Filing::AnnotationsReported { annotations, more } => {
                RunEvent::AnnotationsReported { task, attempt, annotations, more }
            }
            Filing::ArtifactStored(artifact) => RunEvent::ArtifactStored { task, attempt, artifact },
        })
    }

    pub(super) fn on_filed(&mut self, index: TaskIndex, event: &RunEvent) -> Taken {
        let number = match event {
            RunEvent::CachesRestored { attempt, .. }
            | RunEvent::TestsReported { attempt, .. }
            | RunEvent::AnnotationsReported { attempt, .. }
            | RunEvent::ArtifactStored { attempt, .. } => *attempt,
            _ => return Err(IllegalReason::Run),
        };
        self.require_attempt(index, number)?;
        let filed = &mut self.tasks[index.get()].filed;
        match event {
            RunEvent::CachesRestored { caches, .. } => {
                if filed.caches.is_some() {
                    let task: TaskId = self.plan.task(index).id.clone();
                    return Err(IllegalReason::Task { task, state: "in possession of its caches already" });
                }
                filed.caches = Some(caches.clone());
            }
            RunEvent::TestsReported { tests, .. } => filed.tests = Some(tests.clone()),
            RunEvent::AnnotationsReported { annotations, more, .. } => {
                filed.annotations.clone_from(annotations);
                filed.more_annotations = *more;
            }
            RunEvent::ArtifactStored { artifact, .. } => filed.keep(number, artifact.clone()),
            _ => {}
        }
        Ok(())
    }
}
