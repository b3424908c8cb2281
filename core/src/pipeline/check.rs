//! What must be right beyond the form: names, order, references. The same for documents, builders and plans.

mod fields;
mod graph;
mod places;
mod references;
mod schedule;
mod tasks;
mod variables;

use std::collections::{HashMap, HashSet};

use super::model::Pipeline;
use super::name::is_stand_in;
use super::path::Path;
use super::problem::{Findings, Problems};

pub(super) use graph::Outline;
pub(super) use places::of_task as texts_of_task;
pub(super) use variables::{BUILT_IN, STEP_ONLY};

/// Names that were written but could not be read. What refers to them is not reported once more.
#[derive(Debug, Default)]
pub(super) struct Broken {
    pub(super) tasks: HashSet<String>,
    pub(super) variables: HashSet<String>,
}

/// Looks at everything and reports all that is wrong.
pub(super) fn check(pipeline: &Pipeline, broken: &Broken, findings: &mut Findings) {
    fields::check(pipeline, findings);
    unique_stages(pipeline, findings);
    let outline = Outline::of(pipeline, broken, findings);
    for spot in outline.spots() {
        tasks::check(pipeline, spot, findings);
    }
    outline.report_cycles(findings);
    references::check(pipeline, &outline, broken, findings);
}

/// Checks a definition as reading and planning it do: the error has all that is wrong, with paths in the tree.
pub fn definition(pipeline: &Pipeline) -> Result<(), Problems> {
    let mut findings = Findings::default();
    check(pipeline, &Broken::default(), &mut findings);
    findings.into_problems(None, |_| None).map_or(Ok(()), Err)
}

/// Checks a definition that was built in code.
pub(super) fn checked(pipeline: Pipeline, mut findings: Findings) -> Result<Pipeline, Problems> {
    check(&pipeline, &Broken::default(), &mut findings);
    match findings.into_problems(None, |_| None) {
        Some(problems) => Err(problems),
        None => Ok(pipeline),
    }
}

fn unique_stages(pipeline: &Pipeline, findings: &mut Findings) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, stage) in pipeline.stages.iter().enumerate().filter(|(_, stage)| !is_stand_in(stage.name.as_str())) {
        if let Some(first) = seen.insert(stage.name.as_str(), at) {
            let path = Path::root().key("stages").item(at).key("name");
            findings.report(path, format!("there is a stage {:?} already, stages[{first}]", stage.name));
        }
    }
}
