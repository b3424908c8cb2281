//! `windlass retry`.

use serde_json::json;

use super::args::RetryArgs;
use super::exit::{Exit, Failure};
use super::follow::follow;
use super::open::{self, printed};
use super::output::Output;
use super::reach::ask_or_do;
use super::signals::Signals;
use super::ui::Ui;
use super::watch::watch;
use super::{beside, text};
use crate::clock::SystemClock;
use crate::engine::{Control, Engine, EngineBuilder, Run, RunName};
use crate::error::Result;
use crate::run::Seq;

/// Who works on the new run.
enum Made {
    /// The engine of another process.
    There(RunName),
    /// This process.
    Here(Engine, Run),
}

pub(super) async fn retry(args: RetryArgs, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?.to_string();
    drop(reader);
    let by = args.who.name();
    let ask = async |control: Control| control.retry(&run, args.mode(), &by).await.map(Made::There);
    let alone = async || run_again(&args, &run, &by, engine()).await;
    match ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_control(&error))? {
        Made::There(run) if args.follow => show(&args, &run, ui).await,
        Made::There(run) => {
            let mut out = Output::stdout();
            let id = run.id;
            out.line(if args.show.json {
                json!({"id": id, "pipeline": run.pipeline, "number": run.number}).to_string()
            } else {
                text::one_line(&run.to_string())
            });
            printed(Exit::Succeeded, out.finish())
        }
        Made::Here(engine, run) => finish_here(&args, engine, run, ui).await,
    }
}

async fn run_again(args: &RetryArgs, run: &str, by: &str, engine: EngineBuilder) -> Result<Made> {
    let engine = engine.pass_env(&args.pass_env).data_dir(&args.data_dir.data_dir).open().await?;
    let made = async { engine.find(run).await?.retry(args.mode(), by).await }.await;
    match made {
        Ok(made) => Ok(Made::Here(engine, made)),
        Err(error) => {
            engine.close().await?;
            Err(error)
        }
    }
}

/// Follows the new run to its end, as `windlass run` does.
async fn finish_here(args: &RetryArgs, engine: Engine, run: Run, ui: &Ui) -> Result<Exit, Failure> {
    let signals = Signals::listen().map_err(|error| Failure::engine(format!("signals cannot be watched: {error}")))?;
    beside::tell_of_recovered(&engine, &[run.id()], ui).await;
    let clock = SystemClock::resume(None);
    let mut reporter = open::reporter(ui, args.show, &args.data_dir, &clock);
    let exits = follow(std::slice::from_ref(&run), Seq::ZERO, &mut *reporter, signals, &clock).await?;
    let written = reporter.finish();
    beside::tell_of_unfinished(&engine, &[run.id()], &args.data_dir, ui).await;
    drop(run);
    open::close(engine, written, ui).await;
    Ok(Exit::worst(exits))
}

/// Shows a run that another process works on.
async fn show(args: &RetryArgs, run: &RunName, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let mut reporter = open::reporter(ui, args.show, &args.data_dir, &SystemClock::resume(None));
    let watched = watch(&reader, run.id, &args.data_dir, &mut *reporter).await;
    let written = reporter.finish();
    printed(watched?, written)
}
