//! Runs that an earlier process left and that go on beside those that are followed: they must not be forgotten.

use super::args::DataDirArg;
use super::open::data_dir_option;
use super::ui::Ui;
use crate::engine::Engine;
use crate::run::RunId;

/// Says at the start what else goes on.
pub(super) async fn tell_of_recovered(engine: &Engine, followed: &[RunId], ui: &Ui) {
    let names = names(engine, &others(engine, followed)).await;
    if !names.is_empty() {
        ui.note(format!("an earlier process left unfinished what goes on beside this run: {}", names.join(", ")));
    }
}

/// Says at the end what this process took up and leaves again.
pub(super) async fn tell_of_unfinished(engine: &Engine, followed: &[RunId], data_dir: &DataDirArg, ui: &Ui) {
    let mut unfinished = Vec::new();
    for id in others(engine, followed) {
        if let Ok(other) = engine.run(id).await
            && other.status().await.is_ok_and(|status| !status.is_final())
        {
            unfinished.push(id);
        }
    }
    let names = names(engine, &unfinished).await;
    if !names.is_empty() {
        let option = data_dir_option(data_dir);
        ui.note(format!("not finished yet: {}; `windlass attach{option}` follows to the end", names.join(", ")));
    }
}

fn others(engine: &Engine, followed: &[RunId]) -> Vec<RunId> {
    engine.recovered().iter().copied().filter(|id| !followed.contains(id)).collect()
}

async fn names(engine: &Engine, runs: &[RunId]) -> Vec<String> {
    let mut names = Vec::with_capacity(runs.len());
    for id in runs {
        names.push(match engine.run(*id).await {
            Ok(run) => format!("{}#{}", run.pipeline(), run.number()),
            Err(_) => id.to_string(),
        });
    }
    names
}
