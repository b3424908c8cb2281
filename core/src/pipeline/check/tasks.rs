//! The fields of a task.

use std::collections::HashSet;

use super::fields::{env, is_taken, positive, twice};
use super::graph::Spot;
use crate::pipeline::action::Action;
use crate::pipeline::matrix;
use crate::pipeline::model::{Pipeline, Quantities, Task, WorkspaceUse};
use crate::pipeline::name::is_stand_in;
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::template::Template;

pub(super) fn check(pipeline: &Pipeline, spot: &Spot<'_>, findings: &mut Findings) {
    let (task, path) = (spot.task, &spot.path());
    env(&task.env, path, findings);
    positive(task.timeout, path, "timeout", findings);
    matrix_fields(pipeline, task, path, findings);
    twice(task.outputs.iter().map(|output| output.as_str()), &path.key("outputs"), findings);
    secrets(task, path, findings);
    if spot.stage.is_none() && task.needs.is_some() {
        findings.report(path.key("needs"), "the tasks of finally run one after another; leave needs out");
    }
    if let Some(retry) = &task.retry {
        let words: Vec<String> = retry.on.iter().map(|on| format!("{on:?}").to_lowercase()).collect();
        if words.is_empty() {
            findings.report(
                path.key("retry").key("on"),
                "no end is named, so nothing would be tried again; leave on out for the default",
            );
        }
        twice(words.iter().map(String::as_str), &path.key("retry").key("on"), findings);
    }
    if let Some(resources) = &task.resources {
        let path = path.key("resources");
        quantities(&resources.requests, &path.key("requests"), findings);
        quantities(&resources.limits, &path.key("limits"), findings);
    }
    for (at, cache) in task.caches.iter().enumerate() {
        some(&cache.paths, path.key("caches").item(at).key("paths"), findings);
    }
    for (at, artifact) in task.artifacts.iter().enumerate() {
        some(&artifact.paths, path.key("artifacts").item(at).key("paths"), findings);
    }
    kept(task, path, findings);
    if task.shell.is_some() && !matches!(task.action, Action::Script(_)) {
        let message = format!("only a script has a shell, and this task has {}", task.action.key());
        findings.report(path.key("shell"), message);
    }
    if task.shell.as_ref().is_some_and(|shell| shell.trim().is_empty()) && !findings.has(&path.key("shell")) {
        findings.report(path.key("shell"), "the shell is empty; leave the key out for bash or sh");
    }
    action(&task.action, &path.key(task.action.key()), findings);
}

/// What a task keeps comes out of the workspace, and is found again by its name.
fn kept(task: &Task, path: &Path, findings: &mut Findings) {
    for (at, artifact) in task.artifacts.iter().enumerate() {
        let name = artifact.name.as_ref().map(Template::source);
        if task.artifacts[..at].iter().any(|other| other.name.as_ref().map(Template::source) == name) {
            let message = match name {
                Some(name) => format!("another artifact of the task is named {name:?} as well; take another name"),
                None => "only one artifact of a task can do without a name; give this one a name".to_owned(),
            };
            findings.report(path.key("artifacts").item(at), message);
        }
    }
    if task.workspace != WorkspaceUse::None {
        return;
    }
    let keeps = [("caches", !task.caches.is_empty()), ("artifacts", !task.artifacts.is_empty())];
    for (key, _) in keeps.into_iter().chain([("reports", task.reports.is_some())]).filter(|(_, keeps)| *keeps) {
        let message = format!("a task with `workspace: none` has no workspace that its {key} could come from");
        findings.report(path.key(key), message);
    }
}

fn matrix_fields(pipeline: &Pipeline, task: &Task, path: &Path, findings: &mut Findings) {
    let path = path.key("matrix");
    for (axis, values) in &task.matrix {
        let here = path.key(axis.as_str().to_owned());
        if values.is_empty() && !findings.has(&here) {
            findings
                .report(here.clone(), format!("the axis {axis:?} has no values, so the task would have no instances"));
        }
        if is_taken(axis.as_str()) {
            findings
                .report(here.clone(), format!("{axis:?} is a name that every run defines itself; take another one"));
        } else if pipeline.parameters.iter().any(|parameter| parameter.name == *axis && !is_stand_in(axis.as_str())) {
            findings
                .report(here.clone(), format!("there is a parameter {axis:?} as well; take another name for the axis"));
        }
        for (at, value) in values.iter().enumerate() {
            if value.chars().count() > 100 || value.chars().any(char::is_control) {
                findings.report(
                    here.item(at),
                    "a value of a matrix has at most 100 characters, none of them a control character",
                );
            }
        }
        twice(values.iter().map(String::as_str), &here, findings);
    }
    let count = matrix::count(&task.matrix);
    if count > matrix::MAX_INSTANCES {
        let most = matrix::MAX_INSTANCES;
        findings.report(path, format!("the matrix has {count} instances, {most} are the most"));
    } else if task.matrix.len() > 1 {
        let instances = matrix::instances(&task.name, &task.matrix);
        let ids: HashSet<&str> = instances.iter().map(|instance| instance.id.as_str()).collect();
        // `A: ["1,B=2"]` beside `A: ["1"], B: ["2,B=…"]`: rare, but two tasks may never share a name.
        if ids.len() < instances.len() && !task.matrix.values().any(|values| has_twice(values)) {
            findings.report(path, "two instances would have the same name; take , and = out of the values");
        }
    }
}

fn has_twice(values: &[String]) -> bool {
    values.iter().collect::<HashSet<_>>().len() < values.len()
}

fn secrets(task: &Task, path: &Path, findings: &mut Findings) {
    let path = path.key("secrets");
    twice(task.secrets.iter().map(|secret| secret.name.as_str()), &path, findings);
    for (at, secret) in task.secrets.iter().enumerate() {
        let name = secret.name.as_str();
        if is_taken(name) {
            findings.report(
                path.item(at).key("name"),
                format!("{name:?} is a name that every run defines itself; take another one"),
            );
        } else if task.env.contains_key(name) {
            findings.report(
                path.item(at).key("name"),
                format!("{name:?} is in the env of this task as well; only one of them can win"),
            );
        }
    }
}

/// A list that must not be empty. One that could not be read is empty, too, and has been reported.
fn some(paths: &[Template], path: Path, findings: &mut Findings) {
    if paths.is_empty() && !findings.has_at_or_above(&path) {
        findings.report(path, "the list is empty");
    }
}

fn filled(text: &str, what: &str, path: Path, findings: &mut Findings) {
    if text.trim().is_empty() && !findings.has_at_or_above(&path) {
        findings.report(path, format!("the {what} is empty"));
    }
}

fn quantities(quantities: &Quantities, path: &Path, findings: &mut Findings) {
    let wrong = |text: &Option<String>, units: &[&str]| text.as_ref().filter(|text| !is_quantity(text, units)).cloned();
    if let Some(text) = wrong(&quantities.cpu, &["", "m"]).filter(|_| !findings.has(&path.key("cpu"))) {
        findings.report(
            path.key("cpu"),
            format!("{text:?} is not a number of processors; write for example 2, 0.5 or 500m"),
        );
    }
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "k", "M", "G", "T", "P", "E"];
    if let Some(text) = wrong(&quantities.memory, &units).filter(|_| !findings.has(&path.key("memory"))) {
        findings
            .report(path.key("memory"), format!("{text:?} is not an amount of memory; write for example 256Mi or 1Gi"));
    }
}

fn is_quantity(text: &str, units: &[&str]) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let digits = |part: &str| !part.is_empty() && part.len() <= 18 && part.bytes().all(|b| b.is_ascii_digit());
    let number_fits = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    number_fits && units.contains(&unit)
}

fn action(action: &Action, path: &Path, findings: &mut Findings) {
    match action {
        Action::Script(text) => {
            // A task without any action has an empty script as its stand-in, reported at the task itself.
            filled(text, "script", path.clone(), findings);
        }
        Action::Checkout(a) => filled(a.url.source(), "url", path.key("url"), findings),
        Action::BuildImage(a) => filled(a.image.source(), "image", path.key("image"), findings),
        Action::DeployManifests(a) => some(&a.paths, path.key("paths"), findings),
        Action::PublishChart(a) => {
            filled(a.path.source(), "path", path.key("path"), findings);
            filled(a.repository.source(), "repository", path.key("repository"), findings);
        }
        Action::DeployChart(a) => {
            filled(a.release.source(), "release", path.key("release"), findings);
            filled(a.chart.source(), "chart", path.key("chart"), findings);
        }
        Action::SyncFiles(a) => {
            filled(a.host.source(), "host", path.key("host"), findings);
            if a.transfers.is_empty() && a.commands.is_empty() && !findings.has_below(path) {
                findings.report(path.clone(), "there is nothing to do; write transfers, commands or both");
            }
        }
        Action::RunJob(a) => {
            if a.path.is_some() == a.manifest.is_some() && !findings.has_below(path) {
                findings.report(path.clone(), "a Job comes from exactly one of path and manifest");
            }
        }
        Action::Custom(a) => filled(&a.name, "name", path.key("name"), findings),
        Action::Approve(_) => {}
    }
}
