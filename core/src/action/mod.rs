//! What tasks do inside the engine, and not as a step of an executor: notify somebody, ask another system, write a file.
//!
//! An embedder implements [`ActionHandler`] and registers it under a name; pipelines then use it as
//! `custom: {name: NAME, with: {…}}`. It gets an [`ActionContext`] with its settings, the log, the run's workspace and the
//! engine's clock, and works the same over every executor.
//!
//! ```
//! use serde::Deserialize;
//! use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};
//!
//! /// Greets somebody: `custom: {name: greet, with: {whom: "${TARGET}"}}`.
//! #[derive(Debug)]
//! struct Greet;
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     whom: String,
//! }
//!
//! #[async_trait::async_trait]
//! impl ActionHandler for Greet {
//!     fn check(&self, settings: &serde_json::Value) -> Vec<SettingsProblem> {
//!         SettingsProblem::of::<Settings>(settings)
//!     }
//!
//!     async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
//!         let settings: Settings = context.settings()?;
//!         context.log_line(format!("hello {}", settings.whom)).await;
//!         Ok(ActionOutput::default())
//!     }
//! }
//! ```

#[cfg(feature = "docker")]
mod build_image;
#[cfg(feature = "git")]
mod checkout;
mod context;
#[cfg(feature = "kubernetes")]
mod deploy_manifests;
mod error;
mod files;
mod handler;
mod log;
mod output;
mod registry;
#[cfg(feature = "kubernetes")]
mod run_job;
mod settings;
mod working;

#[cfg(feature = "docker")]
pub use build_image::ImageBuilder;
pub use context::ActionContext;
pub use error::ActionError;
pub use handler::ActionHandler;
pub use output::ActionOutput;
pub(crate) use output::Checked;
pub use settings::SettingsProblem;
pub use working::{Waits, Working};

#[cfg(feature = "docker")]
pub(crate) use build_image::BuildImageAction;
#[cfg(feature = "git")]
pub(crate) use checkout::CheckoutAction;
pub(crate) use context::{ActionSecrets, Attempt, KeepGiven};
#[cfg(feature = "kubernetes")]
pub(crate) use deploy_manifests::DeployManifests;
pub(crate) use log::{ActionLog, LogPieces};
pub(crate) use registry::{Actions, MissingAction};
#[cfg(feature = "kubernetes")]
pub(crate) use run_job::RunJob;
