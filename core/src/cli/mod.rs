//! The `windlass` command: arguments in, the engine's public API in the middle, words and exit codes out.
//!
//! One file a verb. Beside them: `follow` (events and signals of runs that go on), the reporters (`reporter`, `tree`) with
//! the pure parts that they show (`scroll`, `view`, `report`), and how things are written (`text`, `paint`, `sanitize`).

mod args;
mod artifacts;
mod attach;
mod backup;
mod beside;
mod cancel;
#[cfg(feature = "kubernetes")]
mod cluster;
mod decide;
mod doctor;
mod exit;
mod follow;
mod grep;
mod lines;
mod logs;
mod moment;
mod open;
mod output;
mod paint;
mod plan;
mod reach;
mod report;
mod reporter;
mod retry;
#[cfg(feature = "kubernetes")]
mod rollout;
mod run;
mod runs;
mod sanitize;
mod schema;
mod scroll;
mod secret;
mod show;
mod signals;
mod tested;
mod text;
mod timeline;
mod tree;
mod ui;
mod validate;
mod value;
mod view;
mod voice;
mod watch;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Verb};
use self::exit::{Exit, Failure};
use self::ui::{Surroundings, Ui};
use crate::engine::{Engine, EngineBuilder};
use crate::run::Decision;

/// Does what the process's arguments say.
pub fn main() -> ExitCode {
    main_with(std::env::args_os())
}

/// Does what the arguments say; the first one is the name of the program. For packages in other languages that bring the
/// command along. Leaves the process by itself only at a second Ctrl-C.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    main_over(Engine::builder, args)
}

/// The same with engines that have more than usual: actions and executors of the program's own.
pub fn main_over(engine: impl Fn() -> EngineBuilder, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    code_over(engine, args).into()
}

/// The same as [`main_with`], and returns the number of the exit code, for languages that end their processes themselves.
pub fn code_with(args: impl IntoIterator<Item = OsString>) -> u8 {
    code_over(Engine::builder, args)
}

fn code_over(engine: impl Fn() -> EngineBuilder, args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Invalid } else { Exit::Succeeded };
            return exit.code();
        }
    };
    voice::listen();
    let ui = Ui::new(cli.color, Surroundings::look());
    let engine = || engine().or_master_key(value::master_key());
    match obey(cli.verb, &ui, &engine) {
        Ok(exit) => exit.code(),
        Err(failure) => {
            if !failure.message.is_empty() {
                ui.complain(&failure.message);
            }
            failure.exit.code()
        }
    }
}

fn obey(verb: Verb, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    match verb {
        Verb::Validate(args) => validate::validate(&args),
        Verb::Plan(args) => plan::plan(&args, ui),
        Verb::Schema(_) => schema::schema(),
        Verb::Run(args) => runtime()?.block_on(run::run(args, ui, engine)),
        Verb::Runs(args) => runtime()?.block_on(runs::runs(args, ui)),
        Verb::Show(args) => runtime()?.block_on(show::show(args, ui)),
        Verb::Logs(args) => runtime()?.block_on(logs::logs(args, ui)),
        Verb::Artifacts(args) => runtime()?.block_on(artifacts::artifacts(args, ui)),
        Verb::Attach(args) => runtime()?.block_on(attach::attach(args, ui, engine)),
        Verb::Cancel(args) => runtime()?.block_on(cancel::cancel(args, ui, engine)),
        Verb::Approve(args) => runtime()?.block_on(decide::decide(args.decision, Decision::Approved, ui, engine)),
        Verb::Reject(args) => runtime()?.block_on(decide::decide(args.decision, Decision::Rejected, ui, engine)),
        Verb::Retry(args) => runtime()?.block_on(retry::retry(args, ui, engine)),
        Verb::Secret(args) => runtime()?.block_on(secret::secret(args, ui, engine)),
        Verb::Backup(args) => runtime()?.block_on(backup::backup(args, ui)),
        Verb::Restore(args) => runtime()?.block_on(backup::restore(args, ui)),
        #[cfg(feature = "kubernetes")]
        Verb::Cluster(args) => runtime()?.block_on(cluster::cluster(args, engine)),
        #[cfg(feature = "kubernetes")]
        Verb::Rollout(args) => runtime()?.block_on(rollout::rollout(args, engine)),
        #[cfg(feature = "kubernetes")]
        Verb::Preview(args) => runtime()?.block_on(rollout::preview(args, engine)),
        Verb::Doctor(args) => runtime()?.block_on(doctor::doctor(args, ui, engine)),
    }
}

/// Two threads for the engine beside this one, which may be held up by a slow reader of the output.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::engine(format!("the threads of the engine cannot be started: {error}")))
}
