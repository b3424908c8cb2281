//! `windlass doctor`: whether the data directory and this machine are in order.

#[cfg(feature = "kubernetes")]
mod cluster;
mod data_dir;
#[cfg(feature = "docker")]
mod docker;
mod machine;

use serde::Serialize;

use super::args::DoctorArgs;
use super::exit::{Exit, Failure};
use super::open::printed;
use super::output::Output;
use super::paint::Paint;
use super::text;
use super::ui::Ui;
use crate::engine::EngineBuilder;
use crate::run::TaskStatus;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    /// What was looked at.
    name: &'static str,
    state: Health,
    /// What was found.
    message: String,
    /// What to do; empty when nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
    /// What the advice is about, such as a role to apply; shown at the end, as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    document: String,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Health {
    Fine,
    /// Worth a thought; runs go on.
    Warning,
    /// The engine cannot do its work.
    Bad,
}

impl Check {
    pub(super) fn fine(name: &'static str, message: impl ToString) -> Self {
        Self { name, state: Health::Fine, message: message.to_string(), advice: String::new(), document: String::new() }
    }

    pub(super) fn warning(name: &'static str, message: impl ToString, advice: impl ToString) -> Self {
        let (message, advice) = (message.to_string(), advice.to_string());
        Self { name, state: Health::Warning, message, advice, document: String::new() }
    }

    /// The message of an error says itself what to do.
    pub(super) fn bad(name: &'static str, message: impl ToString, advice: impl ToString) -> Self {
        let (message, advice) = (message.to_string(), advice.to_string());
        Self { name, state: Health::Bad, message, advice, document: String::new() }
    }
}

pub(super) async fn doctor(args: DoctorArgs, ui: &Ui, engine: &dyn Fn() -> EngineBuilder) -> Result<Exit, Failure> {
    let mut checks = data_dir::look(&args.data_dir.data_dir).await;
    checks.extend(machine::look());
    #[cfg(feature = "docker")]
    checks.push(docker::look().await);
    #[cfg(feature = "kubernetes")]
    if let Some(name) = &args.cluster {
        checks.extend(cluster::look(name, &args.data_dir, engine).await?);
    }
    #[cfg(not(feature = "kubernetes"))]
    let _ = engine;
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(Health::Fine);
    let mut out = Output::stdout();
    if args.json {
        let value = serde_json::json!({ "healthy": worst != Health::Bad, "checks": checks });
        out.line(value.to_string());
    } else {
        as_lines(&checks, ui.paint()).iter().for_each(|line| out.line(line));
    }
    printed(if worst == Health::Bad { Exit::Engine } else { Exit::Succeeded }, out.finish())
}

/// The checks for a person.
pub(super) fn as_lines(checks: &[Check], paint: Paint) -> Vec<String> {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for check in checks {
        let (status, sign) = match check.state {
            Health::Fine => (TaskStatus::Succeeded, '✓'),
            Health::Warning => (TaskStatus::Waiting, '!'),
            Health::Bad => (TaskStatus::Failed, '✗'),
        };
        let message = text::one_line(&check.message);
        lines.push(format!("{} {:width$}  {message}", paint.status(status, sign), check.name));
        if !check.advice.is_empty() {
            let label = paint.advice("what to do: ");
            lines.push(format!("  {:width$}  {label}{}", "", text::one_line(&check.advice)));
        }
    }
    lines.extend(checks.iter().flat_map(|check| check.document.lines()).map(str::to_owned));
    lines
}
