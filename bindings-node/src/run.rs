//! A run, as JavaScript holds it.

use napi::bindgen_prelude::{Buffer, Result};
use napi_derive::napi;
use tokio::sync::watch;
use windlass::run::Seq;
use windlass::wire::{self, ArtifactName, RerunMode};
use windlass::{DownloadOptions, Engine, Run};

use crate::arguments::{After, By, LogPiece, LogTail};
use crate::error::{guarded, json};
use crate::noun::asked;
use crate::stream::{NativeBytes, NativeEvents};

/// A run. Holds the engine as well: as long as somebody has the run, the engine is not closed by itself.
#[napi]
pub struct NativeRun {
    engine: Engine,
    run: Run,
}

/// A wait that can be given up without anything happening to what is waited for.
#[napi]
pub struct NativeWait {
    given_up: watch::Sender<bool>,
}

#[napi]
impl NativeWait {
    /// A wait that goes on.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self { given_up: watch::Sender::new(false) }
    }

    /// Gives it up: what waits gets `null`.
    #[napi]
    pub fn give_up(&self) {
        self.given_up.send_replace(true);
    }
}

impl NativeRun {
    pub(crate) fn of(engine: Engine, run: Run) -> Self {
        Self { engine, run }
    }
}

#[napi]
impl NativeRun {
    /// The unique id.
    #[napi(getter)]
    pub fn id(&self) -> String {
        self.run.id().to_string()
    }

    /// The number in its pipeline.
    #[napi(getter)]
    pub fn number(&self) -> i64 {
        i64::try_from(self.run.number()).unwrap_or(i64::MAX)
    }

    /// The pipeline's name.
    #[napi(getter)]
    pub fn pipeline(&self) -> String {
        self.run.pipeline().to_owned()
    }

    /// The events after a number.
    #[napi]
    pub async fn events(&self, arguments: String) -> Result<NativeEvents> {
        guarded("follow", async {
            let After { after } = wire::read(&arguments, "follow")?;
            Ok(NativeEvents::of(self.run.events_after(Seq(after)).await?))
        })
        .await
    }

    /// Waits for the end; `null` when the wait was given up.
    #[napi]
    pub async fn wait(&self, wait: &NativeWait) -> Result<Option<String>> {
        let mut given_up = wait.given_up.subscribe();
        guarded("wait", async {
            tokio::select! {
                summary = self.run.wait() => json(&summary?).map(Some),
                _ = given_up.wait_for(|given_up| *given_up) => Ok(None),
            }
        })
        .await
    }

    /// Runs it again.
    #[napi]
    pub async fn retry(&self, mode: String, who: String) -> Result<NativeRun> {
        guarded("retry", async {
            let mode: RerunMode = wire::read(&mode, "retry")?;
            let By { by, .. } = wire::read(&who, "retry")?;
            let run = self.run.retry(mode.into(), &by).await?;
            Ok(Self::of(self.engine.clone(), run))
        })
        .await
    }

    /// A piece of a task's log.
    #[napi]
    pub async fn log(&self, arguments: String) -> Result<Buffer> {
        let bytes = guarded("log", async {
            let LogPiece { task, attempt, from, max } = wire::read(&arguments, "log")?;
            self.run.log(&task, attempt, from, max.unwrap_or(usize::MAX)).await
        })
        .await?;
        Ok(Buffer::from(bytes.to_vec()))
    }

    /// The last lines of a task's log.
    #[napi]
    pub async fn tail(&self, arguments: String) -> Result<Buffer> {
        let bytes = guarded("log", async {
            let LogTail { task, attempt, lines } = wire::read(&arguments, "log")?;
            self.run.tail(&task, attempt, lines.unwrap_or(usize::MAX)).await
        })
        .await?;
        Ok(Buffer::from(bytes.to_vec()))
    }

    /// A task's log as it grows.
    #[napi]
    pub async fn follow_log(&self, arguments: String) -> Result<NativeBytes> {
        guarded("log", async {
            let LogPiece { task, attempt, from, .. } = wire::read(&arguments, "log")?;
            Ok(NativeBytes::of(self.run.follow_log(&task, attempt, from).await?))
        })
        .await
    }

    /// The logs of the whole run.
    #[napi]
    pub async fn download(&self, arguments: String) -> Result<NativeBytes> {
        guarded("log", async {
            let options: DownloadOptions = wire::read(&arguments, "log")?;
            Ok(NativeBytes::of(self.run.download(options).await?))
        })
        .await
    }

    /// The archive of an artifact.
    #[napi]
    pub async fn artifact(&self, artifact: String) -> Result<NativeBytes> {
        guarded("artifact", async {
            let name: ArtifactName = wire::read(&artifact, "artifact")?;
            Ok(NativeBytes::of(name.among(self.run.artifacts().await?)?.stream().await?))
        })
        .await
    }

    /// Answers a request.
    #[napi]
    pub async fn ask(&self, request: String, arguments: String) -> Result<String> {
        asked(&self.run, &request, &arguments).await
    }
}
