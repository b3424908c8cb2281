//! What a person writes: the definition as typed data, read strictly, and the plan that a run makes of it. Pure.

mod action;
mod condition;
mod duration;
mod model;
mod name;
mod plan;
mod task_document;
mod template;
mod trigger;

pub use action::*;
pub use condition::{Condition, ConditionError};
pub use duration::{DurationError, HumanDuration};
pub use model::*;
pub use name::*;
pub use plan::*;
pub use template::{Template, TemplateError};
pub use trigger::*;
