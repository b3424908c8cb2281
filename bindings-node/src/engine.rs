//! An engine, as JavaScript holds it.

use std::sync::Arc;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::store::{Position, RunFilter};
use windlass::wire::{self, EngineOptions, SearchOptions, StartOptions};
use windlass::{Engine, EventFilter};

use crate::arguments::{After, Named};
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
        let mut builder = options.builder()?;
        for plugin in plugins {
            builder = Registration::of(plugin)?.tell(builder)?;
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

    /// What happened after a position in all runs, and what happens from now on.
    #[napi]
    pub async fn events(&self, after: String, filter: String) -> Result<NativeEvents> {
        guarded("events", async {
            let After { after } = wire::read(&after, "events")?;
            let filter: EventFilter = wire::read(&filter, "events")?;
            Ok(NativeEvents::of(self.engine.events_after(Position(after), filter).await?))
        })
        .await
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

    /// Closes the engine; its steps go on.
    #[napi]
    pub async fn close(&self) -> Result<()> {
        guarded("close", async { self.engine.close().await }).await
    }
}
