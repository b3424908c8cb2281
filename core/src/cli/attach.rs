//! `windlass attach`.

use super::args::AttachArgs;
use super::exit::{Exit, Failure};
use super::follow::follow;
use super::signals::Signals;
use super::ui::Ui;
use super::{beside, open};
use crate::clock::SystemClock;
use crate::engine::{Engine, EngineBuilder, Run};
use crate::run::{RunId, Seq};

pub(super) async fn attach(args: AttachArgs, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    if !args.data_dir.data_dir.exists() {
        return nothing_there(&args, ui);
    }
    let signals = Signals::listen().map_err(|error| Failure::engine(format!("signals cannot be watched: {error}")))?;
    let engine = open::engine(engine().pass_env(&args.pass_env), &args.data_dir).await?;
    let runs = match &args.run {
        Some(run) => vec![engine.find(run).await.map_err(|error| Failure::of_request(&error))?],
        None => unfinished(&engine).await?,
    };
    if runs.is_empty() {
        ui.note("nothing is unfinished");
    }
    let clock = SystemClock::resume(None);
    let mut reporter = open::reporter(ui, args.follow, &args.data_dir, &clock);
    let after = Seq(args.after.unwrap_or(0));
    let exits = follow(&runs, after, &mut *reporter, signals, &clock).await?;
    let written = reporter.finish();
    let followed: Vec<RunId> = runs.iter().map(Run::id).collect();
    beside::tell_of_unfinished(&engine, &followed, &args.data_dir, ui).await;
    drop(runs);
    open::close(engine, written, ui).await;
    Ok(Exit::worst(exits))
}

/// A folder that is not there is not made only to find nothing in it.
fn nothing_there(args: &AttachArgs, ui: &Ui) -> Result<Exit, Failure> {
    let folder = args.data_dir.data_dir.display();
    match &args.run {
        Some(run) => Err(Failure::input(format!("there is no run {run:?}: there is no data directory {folder}"))),
        None => {
            ui.note(format!("nothing is unfinished: there is no data directory {folder}"));
            Ok(Exit::Succeeded)
        }
    }
}

async fn unfinished(engine: &Engine) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for id in engine.recovered() {
        runs.push(engine.run(*id).await.map_err(Failure::engine)?);
    }
    Ok(runs)
}
