//! Stored pipelines, as JavaScript reaches them.

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::wire::{self, StartOptions};
use windlass::{Pipelines, Run};

use crate::arguments::{Ending, Named};
use crate::engine::NativeEngine;
use crate::error::guarded;
use crate::noun::asked;
use crate::run::NativeRun;

/// The stored pipelines of an engine.
#[napi]
pub struct NativePipelines {
    engine: windlass::Engine,
    pipelines: Pipelines,
}

#[napi]
impl NativeEngine {
    /// The stored pipelines.
    #[napi]
    pub fn pipelines(&self) -> NativePipelines {
        NativePipelines { engine: self.engine.clone(), pipelines: self.engine.pipelines() }
    }
}

impl NativePipelines {
    fn run_of(&self, run: Run) -> NativeRun {
        NativeRun::of(self.engine.clone(), run)
    }
}

#[napi]
impl NativePipelines {
    /// Answers a request.
    #[napi]
    pub async fn ask(&self, request: String, arguments: String) -> Result<String> {
        asked(&self.pipelines, &request, &arguments).await
    }

    /// Starts a run of a stored pipeline.
    #[napi]
    pub async fn run(&self, arguments: String, options: String) -> Result<NativeRun> {
        guarded("start", async {
            let Named { name } = wire::read(&arguments, "start")?;
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            Ok(self.run_of(self.pipelines.run(&name, request).await?))
        })
        .await
    }

    /// Saves a definition and starts a run of it. `expected` is `null` for a new one.
    #[napi]
    pub async fn save_and_run(&self, definition: String, expected: String, options: String) -> Result<NativeRun> {
        guarded("start", async {
            let definition = wire::definition(&definition)?;
            let expected: Option<u64> = wire::read(&expected, "start")?;
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            Ok(self.run_of(self.pipelines.save_and_run(&definition, expected, request).await?))
        })
        .await
    }

    /// The newest run of a pipeline.
    #[napi]
    pub async fn latest_run(&self, arguments: String) -> Result<Option<NativeRun>> {
        guarded("find", async {
            let Named { name } = wire::read(&arguments, "find")?;
            Ok(self.pipelines.latest_run(&name).await?.map(|run| self.run_of(run)))
        })
        .await
    }

    /// Asks the newest run of a pipeline to end.
    #[napi]
    pub async fn stop_latest(&self, arguments: String) -> Result<NativeRun> {
        guarded("cancel", async {
            let Ending { name, by, reason } = wire::read(&arguments, "cancel")?;
            Ok(self.run_of(self.pipelines.stop_latest(&name, &by, &reason).await?))
        })
        .await
    }
}
