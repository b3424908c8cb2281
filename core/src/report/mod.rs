//! What tests and tools report in files: test results in the form of JUnit, and remarks about places in files. Pure.

mod annotation;
mod junit;
mod summary;

pub use annotation::{Annotation, AnnotationLevel, annotations};
pub use junit::{ReportError, junit};
pub use summary::{FailedTest, Outcome, TestReport, TestSummary};

#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod tests;
