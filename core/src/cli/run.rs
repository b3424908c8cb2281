//! `windlass run`.

use std::path::Path;

use super::args::RunArgs;
use super::exit::{Exit, Failure};
use super::follow::follow;
use super::signals::Signals;
use super::ui::Ui;
use super::{beside, open, text, value};
use crate::clock::SystemClock;
use crate::engine::{Engine, EngineBuilder, RunRequest};
use crate::pipeline::{self, Plan};
use crate::run::Seq;

pub(super) async fn run(args: RunArgs, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let pipeline = open::definition(&args.file)?;
    let request = request(&args)?;
    // Planned before anything is opened, so that a mistake leaves no trace; the engine plans again.
    let plan = pipeline::plan(&pipeline, &request.inputs).map_err(|problems| open::refused(&problems, &args.file))?;
    let signals = Signals::listen().map_err(|error| Failure::engine(format!("signals cannot be watched: {error}")))?;

    let mut builder = engine().pass_env(&args.pass_env);
    if let Some(tasks) = args.max_tasks {
        builder = builder.max_tasks(tasks as usize);
    }
    let engine = open::engine(builder, &args.data_dir).await?;
    tell_of_images(&engine, &plan, ui);
    let run = engine.start(&pipeline, request).await.map_err(|error| Failure::of_request(&error))?;
    beside::tell_of_recovered(&engine, &[run.id()], ui).await;

    let clock = SystemClock::resume(None);
    let mut reporter = open::reporter(ui, args.follow, &args.data_dir, &clock);
    let exits = follow(std::slice::from_ref(&run), Seq::ZERO, &mut *reporter, signals, &clock).await?;
    let written = reporter.finish();
    beside::tell_of_unfinished(&engine, &[run.id()], &args.data_dir, ui).await;
    drop(run);
    open::close(engine, written, ui).await;
    Ok(Exit::worst(exits))
}

fn request(args: &RunArgs) -> Result<RunRequest, Failure> {
    let mut request = RunRequest::manual();
    for (name, value) in args.parameters.by_name().map_err(Failure::input)? {
        request = request.parameter(name, value);
    }
    if let Some(executor) = &args.executor {
        request = request.executor(executor.clone());
    }
    for (name, file) in &args.secrets {
        let credential = value::opaque(file).map_err(|why| Failure::input(format!("--secret {name}: {why}")))?;
        request = request.secret(name, credential);
    }
    if let Some(source) = &args.source {
        check_source(source)?;
        request = request.source(source);
    }
    Ok(request)
}

fn check_source(source: &Path) -> Result<(), Failure> {
    let why = match std::fs::metadata(source) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "it is not a folder; name the folder whose files the workspace shall start with".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::input(format!("--source {}: {why}", source.display())))
}

/// Says that images mean nothing where steps run on this machine itself.
fn tell_of_images(engine: &Engine, plan: &Plan, ui: &Ui) {
    let name = plan.executor.as_ref().map_or("local", |executor| executor.as_str());
    if engine.capabilities(name).is_none_or(|capabilities| capabilities.images) {
        return;
    }
    let images = plan.tasks.iter().filter(|task| task.definition.image.is_some()).count();
    let containers = plan.tasks.iter().filter(|task| task.definition.container.is_some()).count();
    for (key, tasks) in [("image", images), ("container", containers)] {
        if tasks > 0 {
            ui.note(format!("the {name} executor has no images; `{key}` of {} is ignored", text::count(tasks, "task")));
        }
    }
}
