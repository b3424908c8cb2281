//! Why a step could not be made. Nothing has changed then.

use crate::pipeline::name::NameError;
use crate::pipeline::problem::nearest;

/// Why a step could not be made. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no stage of that name.
    #[error("there is no stage {name:?}{}", meant(suggestion))]
    NoSuchStage {
        /// The name.
        name: String,
        /// The nearest one that there is.
        suggestion: Option<String>,
    },
    /// There is no task of that name, or not in that place.
    #[error("there is no task {name:?} in {place}{}", meant(suggestion))]
    NoSuchTask {
        /// The name.
        name: String,
        /// Where it was looked for, such as `the pipeline` or `stage "Build"`.
        place: String,
        /// The nearest one that there is.
        suggestion: Option<String>,
    },
    /// The name belongs to another one.
    #[error("there is a {what} {name:?} already; {free:?} is free")]
    NameTaken {
        /// `stage` or `task`.
        what: &'static str,
        /// The name.
        name: String,
        /// A name like it that is free.
        free: String,
    },
    /// The text cannot be a name.
    #[error(transparent)]
    BadName(#[from] NameError),
    /// There is no such place to move to.
    #[error("there is no place {to} among {count} {what}; {}", places(*count))]
    OutOfRange {
        /// `stages`, `tasks` or `sources`.
        what: &'static str,
        /// The place that was wanted, counted from 0.
        to: usize,
        /// How many there are.
        count: usize,
    },
    /// The task is something else than a checkout.
    #[error("task {task:?} is no source: a source is a checkout, and this one has {action}")]
    NotASource {
        /// The task.
        task: String,
        /// The key of its action.
        action: &'static str,
    },
    /// No stage was named for a source, and none can be guessed.
    #[error("the pipeline has no sources and no stage \"Source\" to which one could be added; name a stage")]
    NoSourceStage,
    /// There is no step to take back.
    #[error("there is nothing to undo: this is the state at opening")]
    NothingToUndo,
    /// Nothing was taken back, or another step was made since.
    #[error("there is nothing to redo")]
    NothingToRedo,
}

impl EditError {
    /// A stable word, such as `nameTaken`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchStage { .. } => "noSuchStage",
            Self::NoSuchTask { .. } => "noSuchTask",
            Self::NameTaken { .. } => "nameTaken",
            Self::BadName(_) => "invalidName",
            Self::OutOfRange { .. } => "outOfRange",
            Self::NotASource { .. } => "notASource",
            Self::NoSourceStage => "noSourceStage",
            Self::NothingToUndo => "nothingToUndo",
            Self::NothingToRedo => "nothingToRedo",
        }
    }

    pub(super) fn no_stage<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::NoSuchStage { name: name.to_owned(), suggestion: nearest(name, known) }
    }

    pub(super) fn no_task<'a>(name: &str, place: impl Into<String>, known: impl Iterator<Item = &'a str>) -> Self {
        Self::NoSuchTask { name: name.to_owned(), place: place.into(), suggestion: nearest(name, known) }
    }
}

fn meant(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|suggestion| format!(", did you mean {suggestion:?}?")).unwrap_or_default()
}

fn places(count: usize) -> String {
    match count {
        0 | 1 => "there is nothing to move".to_owned(),
        _ => format!("they are counted from 0 to {}", count - 1),
    }
}
