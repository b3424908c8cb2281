//! A test of a pipeline says what happened, and what is wrong with itself.

mod actions;
mod files;
mod messages;
mod mistakes;
mod runs;

use super::PipelineTest;

/// A definition with a stage in each line: `Build: [{name: unit, script: x}]`.
fn stages(lines: &str) -> PipelineTest {
    let stage = |line: &str| {
        let (name, tasks) = line.split_once(": ").unwrap();
        format!("  - {{name: {name}, tasks: {tasks}}}\n")
    };
    PipelineTest::from_yaml(&format!("name: web\nstages:\n{}", lines.lines().map(stage).collect::<String>()))
}
