//! How an engine is opened, as data.

use std::path::PathBuf;

use serde::Deserialize;

use super::keeping::{BlobOptions, KeepingOptions, KeyOptions};
use crate::blob::BlobSettings;
use crate::engine::{Engine, EngineBuilder};
use crate::error::Result;
use crate::log::LogLimits;
use crate::pipeline::HumanDuration;
use crate::run::queue::RunLimits;
use crate::run::retention::RetentionPolicy;
use crate::secret::KeySource;

/// What an [`EngineBuilder`] is told as data. What is left out stays as the builder has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EngineOptions {
    /// See [`EngineBuilder::data_dir`].
    pub data_dir: Option<PathBuf>,
    /// See [`EngineBuilder::default_executor`].
    pub default_executor: Option<String>,
    /// See [`EngineBuilder::pass_env`].
    pub pass_env: Vec<String>,
    /// See [`EngineBuilder::max_tasks`].
    pub max_tasks: Option<usize>,
    /// How many runs go at once. See [`EngineBuilder::run_limits`].
    pub max_runs: Option<usize>,
    /// How many runs of one pipeline go at once. See [`EngineBuilder::run_limits`].
    pub max_runs_per_pipeline: Option<usize>,
    /// How many bytes the log of an attempt may have. See [`EngineBuilder::log_limits`].
    pub max_log_bytes: Option<u64>,
    /// See [`EngineBuilder::retention`].
    pub retention: Option<RetentionOptions>,
    /// Where caches and artifacts are kept. See [`EngineBuilder::blobs`].
    pub blobs: Option<BlobOptions>,
    /// How much of them is kept. See [`EngineBuilder::blob_settings`].
    pub keeping: Option<KeepingOptions>,
    /// See [`EngineBuilder::master_key`].
    pub master_key: Option<KeyOptions>,
    /// See [`EngineBuilder::images`].
    #[cfg(feature = "docker")]
    pub images: Option<super::ImageOptions>,
    /// See [`EngineBuilder::base_url`].
    pub base_url: Option<String>,
    /// See [`EngineBuilder::control`].
    pub control: Option<bool>,
}

/// What a [`RetentionPolicy`] says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetentionOptions {
    /// So many finished runs of each pipeline.
    pub runs_per_pipeline: Option<usize>,
    /// So long after their end, such as `30days`.
    pub age: Option<HumanDuration>,
}

impl EngineOptions {
    /// A builder that was told all of it.
    ///
    /// # Errors
    /// `badOption`, `unsupported` and the like for a bucket or a Docker engine that is described in a way that makes no sense.
    pub fn builder(self) -> Result<EngineBuilder> {
        let Self { data_dir, default_executor, pass_env, max_tasks, max_runs, max_runs_per_pipeline, .. } = self;
        let builder = Engine::builder().pass_env(pass_env);
        let builder = told(builder, data_dir, EngineBuilder::data_dir);
        let builder = told(builder, default_executor, EngineBuilder::default_executor);
        let builder = told(builder, max_tasks, EngineBuilder::max_tasks);
        let builder = told(builder, self.base_url, EngineBuilder::base_url);
        let builder = told(builder, self.control, EngineBuilder::control);
        let builder = told(builder, self.max_log_bytes.map(|bytes| LogLimits { bytes }), EngineBuilder::log_limits);
        let builder = told(builder, self.retention.map(RetentionPolicy::from), EngineBuilder::retention);
        let builder = told(builder, self.keeping.map(BlobSettings::from), EngineBuilder::blob_settings);
        let builder = told(builder, self.master_key.map(KeySource::from), EngineBuilder::master_key);
        let builder = told(builder, self.blobs.map(BlobOptions::store).transpose()?, EngineBuilder::blobs);
        #[cfg(feature = "docker")]
        let images = self.images.map(super::ImageOptions::builder).transpose()?;
        #[cfg(feature = "docker")]
        let builder = told(builder, images, EngineBuilder::images);
        let limits = builder.current_run_limits();
        let per_pipeline = max_runs_per_pipeline.or(limits.per_pipeline);
        Ok(builder.run_limits(RunLimits { runs: max_runs.unwrap_or(limits.runs), per_pipeline }))
    }
}

fn told<T>(builder: EngineBuilder, value: Option<T>, tell: fn(EngineBuilder, T) -> EngineBuilder) -> EngineBuilder {
    match value {
        Some(value) => tell(builder, value),
        None => builder,
    }
}

impl From<RetentionOptions> for RetentionPolicy {
    fn from(options: RetentionOptions) -> Self {
        Self { runs_per_pipeline: options.runs_per_pipeline, age: options.age.map(HumanDuration::get) }
    }
}
