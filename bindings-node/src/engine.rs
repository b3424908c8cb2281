//! An engine, as JavaScript holds it.

use std::sync::Arc;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::store::{AuditFilter, Position, RunFilter};
use windlass::wire::{self, EngineOptions, SearchOptions, ShutdownOptions, StartOptions};
use windlass::{Engine, EventFilter};

use crate::arguments::{BackupArguments, DrainArguments, Named};
use crate::error::{guarded, json};
use crate::host::Plugin;
use crate::plugin::Registration;
use crate::run::NativeRun;
use crate::scripted;
use crate::stream::NativeEvents;

/// An engine on a data directory.
#[napi]
pub struct NativeEngine {
    pub(crate) engine: Engine,
}

/// Opens an engine with what JavaScript brings.
#[napi]
pub async fn open_engine(options: String, plugins: Vec<Plugin>, clock: Option<u32>) -> Result<NativeEngine> {
    guarded("open", async {
        let options: EngineOptions = wire::read(&options, "open")?;
        let mut builder = options.builder();
        for plugin in plugins {
            builder = Registration::of(plugin)?.tell(builder);
        }
        if let Some(number) = clock {
            builder = builder.clock(Arc::new(scripted::clock(number)?));
        }
        Ok(NativeEngine { engine: builder.open().await? })
    })
    .await
}

#[napi]
impl NativeEngine {
    /// The runs that an earlier engine left unfinished.
    #[napi]
    pub fn recovered(&self) -> Vec<String> {
        self.engine.recovered().iter().map(ToString::to_string).collect()
    }

    /// Starts a run.
    #[napi]
    pub async fn start(&self, pipeline: String, options: String) -> Result<NativeRun> {
        guarded("start", async {
            let pipeline = wire::definition(&pipeline)?;
            let request = wire::read::<StartOptions>(&options, "start")?.request()?;
            let run = self.engine.start(&pipeline, request).await?;
            Ok(NativeRun::of(self.engine.clone(), run))
        })
        .await
    }

    /// The run of an id, or what else a person may call it.
    #[napi]
    pub async fn find(&self, arguments: String) -> Result<NativeRun> {
        guarded("find", async {
            let Named { name } = wire::read(&arguments, "find")?;
            let run = self.engine.find(&name).await?;
            Ok(NativeRun::of(self.engine.clone(), run))
        })
        .await
    }

    /// Runs, newest first.
    #[napi]
    pub async fn runs(&self, filter: String) -> Result<String> {
        guarded("runs", async {
            let filter: RunFilter = wire::read(&filter, "runs")?;
            json(&self.engine.runs(&filter).await?)
        })
        .await
    }

    /// What an executor can do; `null` when there is none of this name.
    #[napi]
    pub async fn capabilities(&self, arguments: String) -> Result<String> {
        guarded("capabilities", async {
            let Named { name } = wire::read(&arguments, "capabilities")?;
            json(&self.engine.capabilities(&name))
        })
        .await
    }

    /// What happened after a position in all runs, and what happens from now on.
    #[napi]
    pub async fn events(&self, after: String, filter: String) -> Result<NativeEvents> {
        guarded("events", async {
            let after: AfterPosition = wire::read(&after, "events")?;
            let filter: EventFilter = wire::read(&filter, "events")?;
            Ok(NativeEvents::of(self.engine.events_after(Position(after.after), filter).await?))
        })
        .await
    }

    /// The position of what was committed last.
    #[napi]
    pub async fn newest(&self) -> Result<String> {
        guarded("events", async { json(&self.engine.newest().await?) }).await
    }

    /// Searches the logs of runs.
    #[napi]
    pub async fn search(&self, runs: String, query: String) -> Result<String> {
        guarded("search", async {
            let runs: RunFilter = wire::read(&runs, "search")?;
            let query = wire::read::<SearchOptions>(&query, "search")?.query()?;
            json(&self.engine.search(&runs, &query).await?)
        })
        .await
    }

    /// Who changed what.
    #[napi]
    pub async fn audit(&self, filter: String) -> Result<String> {
        guarded("audit", async {
            let filter: AuditFilter = wire::read(&filter, "audit")?;
            json(&self.engine.audit(&filter).await?)
        })
        .await
    }

    /// Deletes what the retention policy no longer keeps.
    #[napi]
    pub async fn prune(&self) -> Result<String> {
        guarded("prune", async { json(&self.engine.prune().await?) }).await
    }

    /// Copies everything into a folder that is a data directory itself.
    #[napi]
    pub async fn backup(&self, arguments: String) -> Result<String> {
        guarded("backup", async {
            let BackupArguments { path, by } = wire::read(&arguments, "backup")?;
            json(&self.engine.backup(path, &by).await?)
        })
        .await
    }

    /// Lets no further run go, and waits for those that go on.
    #[napi]
    pub async fn drain(&self, arguments: String) -> Result<String> {
        guarded("drain", async {
            let DrainArguments { limit } = wire::read(&arguments, "drain")?;
            json(&self.engine.drain(limit.map(|limit| limit.get())).await?)
        })
        .await
    }

    /// Ends the engine as asked.
    #[napi]
    pub async fn shutdown(&self, how: String) -> Result<String> {
        guarded("shutdown", async {
            let how: ShutdownOptions = wire::read(&how, "shutdown")?;
            json(&self.engine.shutdown(how.into()).await?)
        })
        .await
    }

    /// Closes the engine; its steps go on.
    #[napi]
    pub async fn close(&self) -> Result<()> {
        guarded("close", async { self.engine.close().await }).await
    }
}

/// Where a stream of everything begins.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AfterPosition {
    #[serde(default)]
    after: u64,
}
