//! `windlass validate`.

use serde_json::json;

use super::args::ValidateArgs;
use super::exit::{Exit, Failure};
use super::open::printed;
use super::output::Output;
use super::text;
use super::ui::eprintln_quietly;
use crate::pipeline::{self, Pipeline, Problem};

pub(super) fn validate(args: &ValidateArgs) -> Result<Exit, Failure> {
    let read = pipeline::read_file(&args.file);
    let mut out = Output::stdout();
    let exit = match &read {
        Ok(_) => Exit::Succeeded,
        Err(_) => Exit::Invalid,
    };
    match read {
        Ok(pipeline) if args.json => {
            out.line(json!({"valid": true, "pipeline": pipeline.name, "problems": []}).to_string())
        }
        Ok(pipeline) => out.line(format!("{}: {}", args.file.display(), praise(&pipeline))),
        Err(problems) if args.json => {
            let problems: Vec<_> = problems.iter().map(as_json).collect();
            out.line(json!({"valid": false, "problems": problems}).to_string());
        }
        Err(problems) => {
            eprintln_quietly(&problems.to_string());
            return Err(Failure::input(format!(
                "{} in {}",
                text::count(problems.count(), "problem"),
                args.file.display()
            )));
        }
    }
    printed(exit, out.finish())
}

fn praise(pipeline: &Pipeline) -> String {
    let tasks = pipeline.stages.iter().map(|stage| stage.tasks.len()).sum::<usize>() + pipeline.finally.len();
    let stages = text::count(pipeline.stages.len(), "stage");
    format!("pipeline {:?} is right: {stages}, {}", pipeline.name.as_str(), text::count(tasks, "task"))
}

fn as_json(problem: &Problem) -> serde_json::Value {
    json!({
        "file": problem.file.as_deref(),
        "line": problem.position.map(|position| position.line),
        "column": problem.position.map(|position| position.column),
        "path": problem.path,
        "message": problem.message,
        "suggestion": problem.suggestion,
    })
}
