//! `windlass cancel`.

use serde_json::json;

use super::args::CancelArgs;
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::reach::ask_or_do;
use super::report::result;
use super::ui::Ui;
use super::{beside, text};
use crate::engine::{Engine, EngineBuilder, RunName, RunSummary};
use crate::error::Result;

/// What became of it.
enum Cancelled {
    /// The engine of another process ends it.
    Asked(RunName),
    /// It has ended.
    Ended(Box<RunSummary>),
}

pub(super) async fn cancel(args: CancelArgs, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?.to_string();
    drop(reader);
    let (by, reason) = (args.who.name(), args.reason.as_str());
    let ask = async |control: crate::Control| control.cancel(&run, &by, reason).await.map(Cancelled::Asked);
    let alone = async || end_here(&args, &run, &by, ui, engine()).await;
    let cancelled = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_control(&error))?;
    let mut out = Output::stdout();
    match (&cancelled, args.json) {
        (Cancelled::Asked(run), true) => {
            out.line(json!({"id": run.id, "pipeline": run.pipeline, "number": run.number, "status": null}).to_string());
        }
        (Cancelled::Ended(run), true) => {
            let status = run.status;
            out.line(
                json!({"id": run.id, "pipeline": run.pipeline, "number": run.number, "status": status}).to_string(),
            );
        }
        (Cancelled::Asked(run), false) => {
            let option = open::data_dir_option(&args.data_dir);
            let id = run.id;
            out.line(format!("{run} is being cancelled; `windlass show {id}{option}` tells when it has ended"));
        }
        (Cancelled::Ended(run), false) => out.line(result(run, ui.paint())),
    }
    printed(Exit::Succeeded, out.finish())
}

/// Without another engine: takes up what is unfinished, ends the run and cleans up.
async fn end_here(args: &CancelArgs, run: &str, by: &str, ui: &Ui, engine: EngineBuilder) -> Result<Cancelled> {
    let engine = engine.data_dir(&args.data_dir.data_dir).open().await?;
    let cancelled = end(&engine, args, run, by, ui).await;
    open::close(engine, Ok(()), ui).await;
    cancelled.map(|summary| Cancelled::Ended(Box::new(summary)))
}

async fn end(engine: &Engine, args: &CancelArgs, run: &str, by: &str, ui: &Ui) -> Result<RunSummary> {
    let run = engine.find(run).await?;
    run.cancel(by, &args.reason).await?;
    let name = text::one_line(&format!("{}#{}", run.pipeline(), run.number()));
    ui.note(format!("no engine works on it: this process ends {name} and waits until everything is cleaned up"));
    let summary = run.wait().await?;
    beside::tell_of_unfinished(engine, &[run.id()], &args.data_dir, ui).await;
    Ok(summary)
}
