//! A definition as a person changes it on a canvas: one step at a time, each with what is wrong so far, with undo and redo.
//! Pure.

mod apply;
mod edit;
mod error;
mod follow;
mod free_name;
mod history;
mod session;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

pub use edit::{Edit, Place, TaskList};
pub use error::EditError;
pub use session::{Edited, Editor, Subject};
pub use settings::{Settings, StageSettings};
