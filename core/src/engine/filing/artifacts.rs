//! Artifacts out of the workspace.

use tokio::sync::mpsc;

use super::caches::left_out;
use super::note::{files, size};
use super::wanted::WantedArtifact;
use super::workspace::{CarryError, Workspace};
use super::{FilingJob, Lines};
use crate::blob::{artifact_object, expiry_marker};
use crate::engine::message::Message;
use crate::explain::FailureClass;
use crate::failpoint;
use crate::pipeline::ArtifactWhen;
use crate::run::{AttemptEnd, Filing, StoredArtifact};

impl FilingJob {
    /// Stores the artifacts that are wanted after this end. A success whose artifacts cannot be stored is none: what comes
    /// after relies on them.
    pub(super) async fn store_artifacts(
        &self,
        mut end: AttemptEnd,
        workspace: &Workspace<'_>,
        sender: &mpsc::Sender<Message>,
        notes: &Lines,
    ) -> AttemptEnd {
        let succeeded = matches!(end, AttemptEnd::Succeeded { .. });
        for artifact in &self.wanted.artifacts {
            let wanted = match artifact.when {
                ArtifactWhen::Always => true,
                ArtifactWhen::OnSuccess => succeeded,
                ArtifactWhen::OnFailure => !succeeded,
            };
            if !wanted || self.stored.contains(&artifact.name) {
                continue;
            }
            if failpoint::bug("artifact.tell-early") {
                self.tell(sender, Filing::ArtifactStored(self.unstored(artifact))).await;
            }
            let line = match self.store_artifact(artifact, workspace).await {
                Ok((line, stored)) => {
                    if let Some(stored) = stored {
                        self.tell(sender, Filing::ArtifactStored(stored)).await;
                    }
                    line
                }
                Err(error) => {
                    let why = error.explained().cause.message;
                    if matches!(end, AttemptEnd::Succeeded { .. }) {
                        end = failed(&error);
                    }
                    format!("not stored: {why}")
                }
            };
            notes.note(format!("artifact {:?}: {line}", artifact.name));
        }
        end
    }

    /// What a deliberate bug tells.
    fn unstored(&self, artifact: &WantedArtifact) -> StoredArtifact {
        let (name, object) = (artifact.name.clone(), artifact_object(&self.key, &artifact.name));
        StoredArtifact { name, object, files: 1, bytes: 1, size: 1, sha256: String::new(), until: None }
    }

    async fn store_artifact(
        &self,
        artifact: &WantedArtifact,
        workspace: &Workspace<'_>,
    ) -> Result<(String, Option<StoredArtifact>), CarryError> {
        let (store, object) = (&self.core.archive.blobs, artifact_object(&self.key, &artifact.name));
        let what = format!("the artifact {:?}", artifact.name);
        let limits = self.core.blob_settings.artifact;
        let until = artifact.keep.and_then(|keep| self.core.clock.now().wall.checked_add(keep).ok());
        let marker = until.map(|until| expiry_marker(until, &self.key, &artifact.name));
        // First when it goes, so that it goes whatever happens.
        if let Some(marker) = &marker {
            store.put_bytes(marker, Default::default()).await?;
            failpoint::crash("artifact.marked");
        }
        let packed = workspace.pack(&artifact.globs, limits, (store, &object, &what)).await?;
        let Some(packed) = packed else {
            if let Some(marker) = &marker {
                store.delete(marker).await?;
            }
            return Ok((format!("nothing is stored: no file matches {}", artifact.globs.text()), None));
        };
        if until.is_some() {
            self.core.artifact_kept.notify_one();
        }
        failpoint::crash("artifact.uploaded");
        let left_out = left_out(&packed.left_out);
        let line = format!("stored, {}, {} packed{left_out}", files(packed.files), size(packed.size));
        let stored = StoredArtifact {
            name: artifact.name.clone(),
            object,
            files: packed.files,
            bytes: packed.bytes,
            size: packed.size,
            sha256: packed.digest,
            until,
        };
        Ok((line, Some(stored)))
    }
}

fn failed(error: &CarryError) -> AttemptEnd {
    let explained = error.explained();
    match explained.class {
        FailureClass::Failure => AttemptEnd::Failed { exit_code: None, cause: explained.cause },
        FailureClass::Infrastructure | FailureClass::Stopped => AttemptEnd::Infrastructure { cause: explained.cause },
        FailureClass::Lost => AttemptEnd::Lost { cause: explained.cause },
    }
}
