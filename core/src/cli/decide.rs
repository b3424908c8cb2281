//! `windlass approve` and `windlass reject`.

use serde_json::json;

use super::args::{AttachArgs, DecisionArgs, FollowArgs};
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::reach::ask_or_do;
use super::ui::Ui;
use super::{attach, text};
use crate::engine::{Control, EngineBuilder, RunName, record_decision};
use crate::error::Result;
use crate::run::Decision;

/// Where a decision went.
struct Decided {
    run: RunName,
    /// Whether an engine goes on with the run.
    goes_on: bool,
}

pub(super) async fn decide(
    args: DecisionArgs,
    decision: Decision,
    ui: &Ui,
    engine: &dyn Fn() -> EngineBuilder,
) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?.to_string();
    drop(reader);
    let (task, by, reason) = (args.task.as_str(), args.by.as_str(), args.reason.as_str());
    let ask = async |control: Control| {
        let run = match decision {
            Decision::Approved => control.approve(&run, task, by, reason).await,
            Decision::Rejected => control.reject(&run, task, by, reason).await,
        };
        run.map(|run| Decided { run, goes_on: true })
    };
    let alone = async || {
        let run = record_decision(&args.data_dir.data_dir, &run, task, decision, (by, reason)).await?;
        Ok(Decided { run, goes_on: false })
    };
    let decided = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_control(&error))?;
    let mut out = Output::stdout();
    out.line(if args.json { as_json(&decided, &args, decision) } else { as_text(&decided, &args, decision) });
    let exit = printed(Exit::Succeeded, out.finish())?;
    match decided {
        Decided { goes_on: true, .. } => Ok(exit),
        Decided { run, .. } if args.attach => go_on(&run, args, ui, engine).await,
        Decided { run, .. } => {
            let (id, option) = (run.id, open::data_dir_option(&args.data_dir));
            ui.note(format!("no engine works on {run}: `windlass attach {id}{option}` goes on with it"));
            Ok(exit)
        }
    }
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Rejected => "rejected",
    }
}

fn as_text(decided: &Decided, args: &DecisionArgs, decision: Decision) -> String {
    let (run, word) = (&decided.run, word(decision));
    text::one_line(&format!("{run}: {} {word} by {}", args.task, args.by))
}

fn as_json(decided: &Decided, args: &DecisionArgs, decision: Decision) -> String {
    let Decided { run, goes_on } = decided;
    let value = json!({
        "id": run.id,
        "pipeline": run.pipeline,
        "number": run.number,
        "task": args.task,
        "decision": word(decision),
        "by": args.by,
        "goesOn": goes_on,
    });
    value.to_string()
}

async fn go_on(
    run: &RunName,
    args: DecisionArgs,
    ui: &Ui,
    engine: &dyn Fn() -> EngineBuilder,
) -> Result<Exit, Failure> {
    let args = AttachArgs {
        run: Some(run.id.to_string()),
        after: None,
        pass_env: Vec::new(),
        data_dir: args.data_dir,
        follow: FollowArgs::default(),
    };
    attach::attach(args, ui, engine).await
}
