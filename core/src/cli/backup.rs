//! `windlass backup` and `windlass restore`.

use super::args::{BackupArgs, RestoreArgs};
use super::exit::{Exit, Failure};
use super::open::{self, data_dir_option, printed};
use super::output::Output;
use super::reach::ask_or_do;
use super::text::count;
use super::ui::Ui;
use crate::engine::{self, Control, back_up_alone};

pub(super) async fn backup(args: BackupArgs, ui: &Ui) -> Result<Exit, Failure> {
    // Said as all verbs say it that read the data directory.
    drop(open::reader(&args.data_dir).await?);
    let by = args.who.name();
    let ask = async |control: Control| control.backup(&args.path, &by).await;
    let alone = async || back_up_alone(&args.data_dir.data_dir, &args.path, &by).await;
    let made = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_control(&error))?;
    let mut out = Output::stdout();
    let artifacts = match made.artifacts {
        None | Some(0) => String::new(),
        Some(artifacts) => format!(" and {}", count(artifacts, "artifact")),
    };
    out.line(format!("{} has a copy of {}{artifacts}", made.path.display(), count(made.runs, "run")));
    if made.artifacts.is_none() {
        ui.note("artifacts are not in it: this engine keeps them outside of its data directory, where they stay");
    }
    printed(Exit::Succeeded, out.finish())
}

pub(super) async fn restore(args: RestoreArgs, ui: &Ui) -> Result<Exit, Failure> {
    let restored = engine::restore(&args.backup, &args.data_dir.data_dir).await;
    let restored = restored.map_err(|error| Failure::of_control(&error))?;
    let mut out = Output::stdout();
    out.line(format!("{} has {}", restored.path.display(), count(restored.runs, "run")));
    let exit = printed(Exit::Succeeded, out.finish())?;
    if !restored.unfinished.is_empty() {
        let (runs, option) = (count(restored.unfinished.len(), "run"), data_dir_option(&args.data_dir));
        ui.note(format!("{runs} had not ended: `windlass attach{option}` takes up what is unfinished"));
    }
    Ok(exit)
}
