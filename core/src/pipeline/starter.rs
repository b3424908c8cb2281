//! Definitions to begin with: a new one, and the copy of another.

use super::model::{Pipeline, Stage};
use super::name::PipelineName;
use super::path::Path;
use super::problem::{Findings, Problems};

/// The stage of a new pipeline to which its sources belong.
pub(super) const SOURCE_STAGE: &str = "Source";

impl Pipeline {
    /// A new pipeline: the stages `Source`, `Build`, `Test` and `Deploy`, without tasks. An error when the name cannot be one.
    pub fn starter(name: impl AsRef<str>) -> Result<Self, Problems> {
        let stages = [SOURCE_STAGE, "Build", "Test", "Deploy"].map(Stage::sequential);
        stages.into_iter().fold(Self::builder(name), |pipeline, stage| pipeline.stage(stage)).build()
    }

    /// The same definition under another name, with its stages, tasks, triggers and settings. An error when the name cannot
    /// be one.
    pub fn copied(&self, name: impl AsRef<str>) -> Result<Self, Problems> {
        let mut findings = Findings::default();
        let name = PipelineName::new(name).unwrap_or_else(|error| {
            findings.report(Path::root().key("name"), error.to_string());
            PipelineName::stand_in()
        });
        match findings.into_problems(None, |_| None) {
            Some(problems) => Err(problems),
            None => Ok(Self { name, ..self.clone() }),
        }
    }
}
