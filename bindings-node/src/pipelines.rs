//! Stored pipelines, as JavaScript reaches them.

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::store::PipelineFilter;
use windlass::wire::{self, StartOptions};
use windlass::{PipelineDeletion, Pipelines, Run};

use crate::arguments::{
    CopyArguments, HistoryArguments, Named, PipelineArguments, SaveArguments, VersionArguments, Who,
};
use crate::engine::NativeEngine;
use crate::error::{guarded, json};
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
    /// A pipeline as it is now.
    #[napi]
    pub async fn get(&self, arguments: String) -> Result<String> {
        guarded("find", async {
            let Named { name } = wire::read(&arguments, "find")?;
            json(&self.pipelines.get(&name).await?)
        })
        .await
    }

    /// Pipelines in the order of their names.
    #[napi]
    pub async fn list(&self, filter: String) -> Result<String> {
        guarded("pipelines", async {
            let filter: PipelineFilter = wire::read(&filter, "pipelines")?;
            json(&self.pipelines.list(&filter).await?)
        })
        .await
    }

    /// The definitions that a pipeline had.
    #[napi]
    pub async fn history(&self, arguments: String) -> Result<String> {
        guarded("find", async {
            let HistoryArguments { name, before, limit } = wire::read(&arguments, "find")?;
            json(&self.pipelines.history(&name, before, limit).await?)
        })
        .await
    }

    /// One definition that a pipeline had.
    #[napi]
    pub async fn version(&self, arguments: String) -> Result<String> {
        guarded("find", async {
            let VersionArguments { name, version, .. } = wire::read(&arguments, "find")?;
            json(&self.pipelines.version(&name, version).await?)
        })
        .await
    }

    /// Stores a new one.
    #[napi]
    pub async fn create(&self, definition: String, who: String) -> Result<String> {
        guarded("save", async {
            let definition = wire::definition(&definition)?;
            let Who { by, .. } = wire::read(&who, "save")?;
            json(&self.pipelines.create(&definition, &by).await?)
        })
        .await
    }

    /// Stores a new one with the stages that the core starts with.
    #[napi]
    pub async fn create_new(&self, arguments: String) -> Result<String> {
        guarded("save", async {
            let PipelineArguments { name, by, .. } = wire::read(&arguments, "save")?;
            json(&self.pipelines.create_new(&name, &by).await?)
        })
        .await
    }

    /// Stores a copy under another name.
    #[napi]
    pub async fn copy(&self, arguments: String) -> Result<String> {
        guarded("save", async {
            let CopyArguments { from, to, by } = wire::read(&arguments, "save")?;
            json(&self.pipelines.copy(&from, &to, &by).await?)
        })
        .await
    }

    /// Gives a pipeline another definition.
    #[napi]
    pub async fn update(&self, definition: String, arguments: String) -> Result<String> {
        guarded("save", async {
            let definition = wire::definition(&definition)?;
            let SaveArguments { expected, by } = wire::read(&arguments, "save")?;
            json(&self.pipelines.update(&definition, expected, &by).await?)
        })
        .await
    }

    /// Gives a pipeline a definition that it had.
    #[napi]
    pub async fn restore(&self, arguments: String) -> Result<String> {
        guarded("save", async {
            let VersionArguments { name, version, expected, by } = wire::read(&arguments, "save")?;
            json(&self.pipelines.restore(&name, version, expected, &by).await?)
        })
        .await
    }

    /// Lets a pipeline be run again.
    #[napi]
    pub async fn activate(&self, arguments: String) -> Result<String> {
        guarded("save", async {
            let PipelineArguments { name, by, .. } = wire::read(&arguments, "save")?;
            json(&self.pipelines.activate(&name, &by).await?)
        })
        .await
    }

    /// Lets a pipeline not be run any more.
    #[napi]
    pub async fn deactivate(&self, arguments: String) -> Result<String> {
        guarded("save", async {
            let PipelineArguments { name, by, .. } = wire::read(&arguments, "save")?;
            json(&self.pipelines.deactivate(&name, &by).await?)
        })
        .await
    }

    /// Deletes a pipeline.
    #[napi]
    pub async fn delete(&self, arguments: String, how: String) -> Result<()> {
        guarded("delete", async {
            let PipelineArguments { name, by, .. } = wire::read(&arguments, "delete")?;
            let how: PipelineDeletion = wire::read(&how, "delete")?;
            self.pipelines.delete(&name, how, &by).await
        })
        .await
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
            let PipelineArguments { name, by, reason } = wire::read(&arguments, "cancel")?;
            Ok(self.run_of(self.pipelines.stop_latest(&name, &by, &reason).await?))
        })
        .await
    }
}
