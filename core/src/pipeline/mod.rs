//! What a person writes: the definition as typed data, read strictly, and the plan that a run makes of it. Pure.

mod action;
mod builder;
mod check;
mod condition;
mod container;
mod credentials;
mod duration;
pub mod editor;
mod matrix;
mod model;
mod name;
mod outputs;
mod path;
mod plan;
mod planning;
mod problem;
mod read;
mod resolve;
mod schema;
mod starter;
mod task_document;
mod template;
mod texts;
mod trigger;
mod write;

#[cfg(test)]
mod tests;

pub use action::*;
pub use builder::{ParameterBuilder, PipelineBuilder, StageBuilder, TaskBuilder};
pub use check::definition as check;
pub use condition::{Condition, ConditionError, ConditionScope, TaskFacts};
pub use container::*;
pub use duration::{DurationError, HumanDuration};
pub use matrix::MAX_INSTANCES;
pub use model::*;
pub use name::*;
pub use outputs::{BadOutputs, parse_outputs};
pub use plan::*;
pub use planning::plan;
pub(crate) use problem::nearest;
pub use problem::{MAX_PROBLEMS, Position, Problem, Problems};
pub use read::{Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, read, read_file};
pub use resolve::{ResolvedTask, RunFacts, TaskHistory, TaskScope, resolve_map, resolve_value};
pub use schema::schema;
pub(crate) use template::KeyPiece;
pub use template::{BadValue, Reference, Scope, Template, TemplateError};
pub(crate) use texts::texts;
pub use trigger::*;
pub use write::{to_json, to_yaml};
