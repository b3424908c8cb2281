//! `windlass artifacts`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::args::ArtifactsArgs;
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::text;
use super::ui::Ui;
use crate::below::{self, System, Use};
use crate::engine::RunArtifact;

pub(super) async fn artifacts(args: ArtifactsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let run = open::find(&reader, &args.run).await?;
    let all = reader.artifacts(run).await.map_err(Failure::engine)?;
    let chosen: Vec<RunArtifact> = all.iter().filter(|artifact| is_meant(artifact, &args)).cloned().collect();
    if chosen.is_empty() && (args.name.is_some() || args.task.is_some()) {
        return Err(Failure::input(no_such_artifact(&all, &args)));
    }
    let mut out = Output::stdout();
    if args.json {
        for artifact in &chosen {
            out.line(serde_json::to_string(artifact).map_err(Failure::engine)?);
        }
    }
    match (&args.name, &args.to) {
        (None, None) if args.json => {}
        (None, None) if chosen.is_empty() => ui.note("the run has no artifacts"),
        (None, None) => as_lines(&chosen).iter().for_each(|line| out.line(line)),
        _ => unpack(&chosen, &args, ui).await?,
    }
    printed(Exit::Succeeded, out.finish())
}

fn is_meant(artifact: &RunArtifact, args: &ArtifactsArgs) -> bool {
    args.name.as_ref().is_none_or(|name| *name == artifact.name)
        && args.task.as_ref().is_none_or(|task| task == artifact.task.as_str())
}

fn no_such_artifact(all: &[RunArtifact], args: &ArtifactsArgs) -> String {
    let known: Vec<String> = all.iter().map(|artifact| format!("{:?} of {}", artifact.name, artifact.task)).collect();
    let what = args.name.as_ref().map_or_else(String::new, |name| format!(" {name:?}"));
    let of = args.task.as_ref().map_or_else(String::new, |task| format!(" of the task {task:?}"));
    let has = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    format!("the run has no artifact{what}{of}: {has}")
}

/// Unpacks one artifact into the folder, or several into folders of their own below it.
async fn unpack(chosen: &[RunArtifact], args: &ArtifactsArgs, ui: &Ui) -> Result<(), Failure> {
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from("."));
    if args.name.is_some() && chosen.len() > 1 {
        let tasks: Vec<&str> = chosen.iter().map(|artifact| artifact.task.as_str()).collect();
        let message =
            format!("several tasks left an artifact of this name: {}; say which with --task", tasks.join(", "));
        return Err(Failure::input(message));
    }
    for artifact in chosen {
        let folder = if args.name.is_some() { to.clone() } else { to.join(folder_of(artifact, chosen)) };
        artifact.unpack(&folder).await.map_err(|error| Failure::of_request(&error))?;
        ui.note(format!("{}: {} in {}", text::one_line(&artifact.name), files(artifact.files), shown(&folder)));
    }
    Ok(())
}

fn shown(folder: &Path) -> String {
    text::one_line(&folder.display().to_string())
}

/// The folder of an artifact beside others: its name, and that of its task where there are several of this name. What
/// somebody else wrote becomes a plain name, which no system takes for something else, such as `con`.
fn folder_of(artifact: &RunArtifact, all: &[RunArtifact]) -> String {
    let plain = |text: &str| -> String {
        let kept = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = text.chars().map(kept).take(100).collect();
        let plain = below::refused(OsStr::new(&name), System::Windows, Use::File).is_none();
        match name.starts_with('.') {
            _ if !plain => format!("_{name}_"),
            true => format!("_{name}"),
            false => name,
        }
    };
    let alone = all.iter().filter(|other| plain(&other.name) == plain(&artifact.name)).count() == 1;
    if alone { plain(&artifact.name) } else { format!("{}.{}", plain(artifact.task.as_str()), plain(&artifact.name)) }
}

fn files(number: u64) -> String {
    text::count(usize::try_from(number).unwrap_or(usize::MAX), "file")
}

/// The artifacts for a person.
fn as_lines(artifacts: &[RunArtifact]) -> Vec<String> {
    let line = |artifact: &RunArtifact| {
        let until = artifact.until.map_or_else(String::new, |until| format!(", until {}", text::moment(until)));
        let (name, task) = (text::one_line(&artifact.name), text::one_line(artifact.task.as_str()));
        format!("{name}  {task}  {}, {} bytes packed{until}", files(artifact.files), artifact.size)
    };
    artifacts.iter().map(line).collect()
}
