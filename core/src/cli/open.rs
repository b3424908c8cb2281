//! Reading what an argument names: a definition, a data directory; and choosing who shows a run.

use std::path::Path;

use super::args::{DataDirArg, FollowArgs};
use super::exit::{Exit, Failure};
use super::paint::Paint;
use super::report::{ReportStyle, quoted};
use super::reporter::{JsonReporter, PlainReporter, Reporter};
use super::text;
use super::tree::TreeReporter;
use super::ui::{Mode, Ui, eprintln_quietly};
use crate::clock::{Clock, SystemClock};
use crate::engine::{Engine, EngineBuilder, Reader};
use crate::pipeline::{self, Pipeline, Problems};
use crate::run::RunId;

/// Reads a definition. All its mistakes are one failure.
pub(super) fn definition(file: &Path) -> Result<Pipeline, Failure> {
    pipeline::read_file(file).map_err(|problems| refused(&problems, file))
}

/// Says everything that is wrong, each with its place, and then how much it was.
pub(super) fn refused(problems: &Problems, file: &Path) -> Failure {
    for problem in problems {
        eprintln_quietly(&problem.to_string());
    }
    let count = text::count(problems.count(), "problem");
    Failure::input(format!("{count} in {}; nothing was started", file.display()))
}

/// Opens the engine. Whatever goes wrong here is not the definition's fault.
pub(super) async fn engine(builder: EngineBuilder, data_dir: &DataDirArg) -> Result<Engine, Failure> {
    builder.data_dir(&data_dir.data_dir).open().await.map_err(Failure::engine)
}

/// Opens a data directory for reading, beside whoever works with it.
pub(super) async fn reader(data_dir: &DataDirArg) -> Result<Reader, Failure> {
    Reader::open(&data_dir.data_dir).map_err(Failure::engine)
}

/// The run that the person means.
pub(super) async fn find(reader: &Reader, run: &str) -> Result<RunId, Failure> {
    reader.find(run).await.map_err(|error| Failure::of_request(&error))
}

/// Who shows the run.
pub(super) fn reporter(ui: &Ui, follow: FollowArgs, data_dir: &DataDirArg, clock: &SystemClock) -> Box<dyn Reporter> {
    let style = report_style(ui.paint(), data_dir);
    match ui.mode(follow) {
        Mode::Json => Box::new(JsonReporter::stdout()),
        Mode::Plain => Box::new(PlainReporter::stdout(style)),
        Mode::Tree => Box::new(TreeReporter::stdout(style, clock.now())),
    }
}

fn report_style(paint: Paint, data_dir: &DataDirArg) -> ReportStyle {
    ReportStyle { paint, options: data_dir_option(data_dir) }
}

/// What commands that are recommended need behind them to find the same data directory.
pub(super) fn data_dir_option(data_dir: &DataDirArg) -> String {
    if data_dir.data_dir == Path::new(".windlass") {
        return String::new();
    }
    format!(" --data-dir {}", quoted(&data_dir.data_dir.display().to_string()))
}

/// Lets go of the data directory in good order. The runs have told how they ended; trouble here is only worth a word.
pub(super) async fn close(engine: Engine, written: Result<(), String>, ui: &Ui) {
    if let Err(error) = engine.close().await {
        ui.note(format!("the engine could not be closed in good order: {error}"));
    }
    if let Err(why) = written {
        ui.note(why);
    }
}

/// The end of a verb that printed something: output that was lost is a failure of its own when all else went well.
pub(super) fn printed(exit: Exit, written: Result<(), String>) -> Result<Exit, Failure> {
    match (exit, written) {
        (Exit::Succeeded, Err(why)) => Err(Failure::engine(why)),
        (exit, Err(why)) => Err(Failure { exit, message: why }),
        (exit, Ok(())) => Ok(exit),
    }
}
