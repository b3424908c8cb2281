//! Why something did not work, for the person who gets it: what failed, why, and what to do next. Pure.
//!
//! A cause quotes nothing of a log but names of programs and files, bounded and checked, so that no secret gets into events by
//! this way. Hand in the log after masking all the same.

mod action;
mod blob;
mod cluster;
pub mod code;
mod credential;
mod error;
mod exit;
mod hint;
mod image;
mod pod;
mod program;
mod quote;
mod rbac;
mod signal;
#[cfg(feature = "git")]
mod source;
mod successor;
#[cfg(test)]
mod tests;
mod timeout;

pub use action::{action_lost, action_missing, action_panicked};
pub use blob::{blob_error, tests_failed};
pub use cluster::{ApiRefusal, ClusterFailure, api_not_served, api_refusal};
pub use credential::no_credential;
pub use error::{Explained, FailureClass, executor_error, io_error};
pub use exit::step_failure;
pub use image::{build_failure, dockerfile_missing, no_build_secrets};
pub use pod::{PodTrouble, pod_trouble};
pub use rbac::Forbidden;
#[cfg(feature = "kubernetes")]
pub(crate) use rbac::rbac_subject;
#[cfg(feature = "git")]
pub(crate) use source::source_code;
#[cfg(feature = "git")]
pub use source::source_error;
pub use successor::{Successor, successor};
pub use timeout::{TimeLimit, timeout};

/// What is known about a step beside how it ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepFacts<'a> {
    /// The text of its script; `None` for a program.
    pub script: Option<&'a str>,
    /// The program that it runs; `None` for a script.
    pub program: Option<&'a str>,
    /// The task's `shell`.
    pub shell: Option<&'a str>,
    /// The name under which the executor is registered.
    pub executor: &'a str,
    /// The image, where the executor has images.
    pub image: Option<&'a str>,
}

impl StepFacts<'_> {
    /// The word for it in sentences.
    fn noun(&self) -> &'static str {
        if self.program.is_some() { "program" } else { "script" }
    }

    /// Where programs have to be, to be found: `in the image …`, `on the machine …`.
    fn at_place(&self) -> String {
        format!("{} {}", if self.image.is_some() { "in" } else { "on" }, self.place())
    }

    /// The same without the preposition.
    fn place(&self) -> String {
        match self.image.and_then(|image| quote::word(image, 120)) {
            Some(image) => format!("the image {image}"),
            None if self.image.is_some() => "the image".to_owned(),
            None => "the machine that runs the step".to_owned(),
        }
    }
}
