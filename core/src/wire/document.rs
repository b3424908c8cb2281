//! Definitions that a program built.

use crate::error::Result;
use crate::pipeline::{self, Pipeline, Problem, Problems, Task};

/// Reads a definition that a program built: as [`pipeline::read`] does, but with places only in the tree, since there is no
/// text that a person wrote.
///
/// # Errors
/// `invalidPipeline` with every mistake.
pub fn definition(json: &str) -> Result<Pipeline> {
    Ok(pipeline::read(json.as_bytes(), "definition.json").map_err(without_places)?)
}

/// Reads a task that a program built, such as one for an editor.
///
/// # Errors
/// `badOption` with the first mistake.
pub fn task(json: &str) -> Result<Task> {
    super::read(json, "edit")
}

fn without_places(problems: Problems) -> Problems {
    let placed = problems.clone();
    let bare = problems.into_iter().map(|problem| Problem { file: None, position: None, ..problem });
    Problems::from_vec(bare.collect()).unwrap_or(placed)
}
