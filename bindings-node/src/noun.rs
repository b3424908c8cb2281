//! Nouns of the core that answer requests: `windlass::wire::Answers`.

use std::sync::Arc;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::wire::{self, Answers, Registries, StartOptions};
use windlass::{Control, Engine};

use crate::engine::NativeEngine;
use crate::error::{guarded, guarded_now, json};

/// Something that can be asked: the clusters of an engine, an engine of another process.
#[napi]
pub struct NativeNoun {
    noun: Arc<dyn Answers>,
}

impl NativeNoun {
    pub(crate) fn of(noun: impl Answers) -> Self {
        Self { noun: Arc::new(noun) }
    }
}

/// Asks a noun.
pub(crate) async fn asked(noun: &dyn Answers, request: &str, arguments: &str) -> Result<String> {
    guarded("answer", async { json(&noun.answer(request, arguments).await?) }).await
}

#[napi]
impl NativeNoun {
    /// Answers a request.
    #[napi]
    pub async fn ask(&self, request: String, arguments: String) -> Result<String> {
        asked(&*self.noun, &request, &arguments).await
    }
}

#[napi]
impl NativeEngine {
    /// The engine itself.
    #[napi]
    pub async fn ask(&self, request: String, arguments: String) -> Result<String> {
        asked(&self.engine, &request, &arguments).await
    }

    /// The credentials that it keeps.
    #[napi]
    pub fn credentials(&self) -> NativeNoun {
        NativeNoun::of(self.engine.credentials())
    }

    /// The clusters that it knows by name.
    #[napi]
    pub fn clusters(&self) -> NativeNoun {
        NativeNoun::of(self.engine.clusters())
    }

    /// The repositories from which it fetches.
    #[napi]
    pub fn sources(&self) -> NativeNoun {
        NativeNoun::of(self.engine.sources())
    }

    /// The registries of images that it reaches.
    #[napi]
    pub fn registries(&self) -> NativeNoun {
        NativeNoun::of(Registries::of(Engine::clone(&self.engine)))
    }
}

/// Connects to the engine that another process holds.
#[napi]
pub async fn connect_control(data_dir: String) -> Result<NativeNoun> {
    guarded("control", async { Ok(NativeNoun::of(Control::connect(data_dir).await?)) }).await
}

/// Makes a data directory from a backup.
#[napi]
pub async fn restore(backup: String, data_dir: String) -> Result<String> {
    guarded("restore", async { json(&windlass::restore(backup, data_dir).await?) }).await
}

/// What a run of a definition would do.
#[napi]
pub fn plan(definition: String, options: String) -> Result<String> {
    guarded_now("plan", || {
        let options = wire::read::<StartOptions>(&options, "plan")?;
        json(&wire::plan(&wire::definition(&definition)?, options)?)
    })
}
