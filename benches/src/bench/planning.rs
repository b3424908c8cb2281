//! Reading and planning a definition of 10,000 tasks.

use std::fmt::Write as _;

use windlass::pipeline::{self, RunInputs};

use super::Effort;
use crate::measure::{Failure, medians, time};
use crate::table::Row;

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let (stages, tasks) = (effort.count(100, 2), effort.count(100, 5));
    let text = document(stages, tasks);
    let definition = pipeline::read(text.as_bytes(), "many.yaml")?;
    let inputs = RunInputs::default();
    let count = stages * tasks;
    let [floor, reading, planning] = medians(
        effort.repeat,
        [
            &mut || Ok(time(|| Ok(serde_saphyr::from_str::<serde_json::Value>(&text)?))?.0),
            &mut || Ok(time(|| Ok(pipeline::read(text.as_bytes(), "many.yaml")?))?.0),
            &mut || {
                let (took, plan) = time(|| Ok(pipeline::plan(&definition, &inputs)?))?;
                if plan.tasks.len() == count { Ok(took) } else { Err("tasks are missing".into()) }
            },
        ],
    )?;
    let note = format!("reading strictly {reading:.1} ms, planning {planning:.1} ms; {} kB of YAML", text.len() / 1000);
    let work = format!("reading and planning {count} tasks");
    Ok(vec![Row::millis(work, "the same YAML to plain values", floor, reading + planning).note(note)])
}

fn document(stages: usize, tasks: usize) -> String {
    let mut text = "name: many\nparameters: [{name: TARGET, value: dev}]\nstages:\n".to_owned();
    for stage in 0..stages {
        let _ = write!(text, "  - name: stage {stage}\n    order: parallel\n    tasks:\n");
        for task in 0..tasks {
            let _ = write!(text, "      - name: task {stage}-{task}\n        script: echo \"$GIVEN\"\n");
            let _ = write!(text, "        env: {{GIVEN: \"${{TARGET}}-{task}\"}}\n        timeout: 10m\n");
        }
    }
    text
}
