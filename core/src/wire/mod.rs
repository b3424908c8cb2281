//! What other languages give to the engine and get from it as JSON, so that all of them refuse the same mistakes with the
//! same words. For bindings and for portals that pass requests on; Rust has the types themselves.
//!
//! Everything is camelCase and read strictly: [`read`] names the place of a mistake. Errors are written by the `Serialize` of
//! [`Error`]. What is left out has the default that the types document.
//!
//! ```
//! use windlass::wire::{self, StartOptions};
//!
//! let request = wire::read::<StartOptions>(r#"{"parameters": {"TARGET": "dev"}, "actor": "ana"}"#, "start")?.request()?;
//! let error = wire::read::<StartOptions>(r#"{"parameter": {}}"#, "start").unwrap_err();
//! assert_eq!(error.code(), "badOption");
//! # let _ = request;
//! # Ok::<(), windlass::Error>(())
//! ```

mod answers;
mod document;
mod engine;
mod executors;
mod keeping;
mod plan;
mod records;
mod request;
mod search;
mod shutdown;

use serde::de::DeserializeOwned;

#[cfg(feature = "docker")]
pub use answers::Registries;
pub use answers::{Answers, ArtifactName};
pub use document::{definition, task};
pub use engine::{EngineOptions, RetentionOptions};
#[cfg(any(feature = "docker", feature = "kubernetes"))]
pub use executors::ContainerPolicyOptions;
#[cfg(feature = "kubernetes")]
pub use executors::KubernetesOptions;
#[cfg(feature = "docker")]
pub use executors::{DockerOptions, EndpointOptions, ImageOptions, LoginOptions};
pub use executors::{LocalOptions, register_executor};
pub use keeping::{BlobOptions, KeepingOptions, KeyOptions, LimitOptions, S3Options};
pub use plan::plan;
#[cfg(feature = "cli")]
pub(crate) use plan::plan_json;
pub use records::{LogRecord, Records};
pub use request::{RerunMode, StartOptions};
pub use search::SearchOptions;
pub use shutdown::ShutdownOptions;

use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::{Problem, Problems};
use crate::secret::TargetKind;

/// Reads options. `operation` is what they are for, such as `open`.
///
/// # Errors
/// `badOption`, with the path of the mistake in [`Error::problems`].
pub fn read<T: DeserializeOwned>(json: &str, operation: &'static str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = match error.path().to_string() {
            root if root == "." => String::new(),
            path => path,
        };
        // The place in a text that a program wrote is of no use to anybody.
        let message = match error.inner().to_string().rsplit_once(" at line ") {
            Some((message, _)) => message.to_owned(),
            None => error.inner().to_string(),
        };
        bad_option(path, message, operation)
    })
}

/// The kind of target of a word such as `git`.
///
/// # Errors
/// `badOption` for one that is none.
pub fn target_kind(word: &str) -> Result<TargetKind> {
    word.parse().map_err(|message| bad_option("credentialTests".to_owned(), message, "open"))
}

fn bad_option(path: String, message: String, operation: &'static str) -> Error {
    let problem = Problem { file: None, position: None, path, message, suggestion: None };
    let text = problem.to_string();
    let error = Error::new(ErrorKind::Invalid, "badOption", operation, text);
    match Problems::from_vec(vec![problem]) {
        Some(problems) => error.with_source(problems),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> (String, String) {
        let error = read::<T>(json, "test").unwrap_err();
        let problem = error.problems().unwrap().iter().next().unwrap().clone();
        (problem.path, error.to_string())
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let (path, message) = refused::<StartOptions>(r#"{"parameters": {"A": 1}}"#);
        assert_eq!(
            (path.as_str(), message.as_str()),
            ("parameters.A", "parameters.A: invalid type: integer `1`, expected a string")
        );
        let (_, message) = refused::<EngineOptions>(r#"{"dataDirr": "x"}"#);
        assert!(message.contains("unknown field `dataDirr`"), "{message}");
    }

    #[test]
    fn a_definition_that_was_built_has_no_lines() {
        let error = definition(r#"{"name": "a", "stages": [{"name": "S", "tasks": [{"name": "t"}]}]}"#).unwrap_err();
        let problem = error.problems().unwrap().iter().next().unwrap();
        assert_eq!((&problem.file, problem.position, problem.path.as_str()), (&None, None, "stages[0].tasks[0]"));
    }
}
