//! Every name that a text or a condition refers to must be there, and its value known by then.

use std::collections::{HashMap, HashSet};

use super::Broken;
use super::graph::{Outline, Spot};
use super::places::{self, Place};
use super::variables::{BUILT_IN, KNOWN_EARLY, STEP_ONLY};
use crate::pipeline::condition::{COMMIT_FIELDS, Condition, TRIGGER_FIELDS, Use};
use crate::pipeline::matrix;
use crate::pipeline::model::{Pipeline, Task};
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::template::{Reference, Template};

pub(super) fn check(pipeline: &Pipeline, outline: &Outline<'_>, broken: &Broken, findings: &mut Findings) {
    let parameters = pipeline.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let mut checker = Checker { pipeline, outline, broken, parameters, instances: HashMap::new(), findings };
    if let Some(concurrency) = &pipeline.concurrency {
        checker.early(&Path::root().key("concurrency").key("group"), &concurrency.group);
    }
    places::of_env(&pipeline.env, &mut |path, place, text| checker.text(path, place, text, None));
    for (at, stage) in pipeline.stages.iter().enumerate() {
        if let Some(when) = stage.when.as_ref().filter(|_| stage.tasks.is_empty()) {
            checker.condition(&Path::root().key("stages").item(at).key("when"), when, None);
        }
    }
    for (index, spot) in outline.spots().iter().enumerate() {
        if checker.findings.is_full() {
            return;
        }
        checker.task(index, spot);
    }
}

struct Checker<'a> {
    pipeline: &'a Pipeline,
    outline: &'a Outline<'a>,
    broken: &'a Broken,
    parameters: HashSet<&'a str>,
    /// The names of the instances of tasks that somebody referred to by instance.
    instances: HashMap<usize, HashSet<String>>,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    fn task(&mut self, index: usize, spot: &Spot<'_>) {
        let path = spot.path();
        places::of_task(spot.task, &path, &mut |path, place, text| self.text(path, place, text, Some(index)));
        if let Some(when) = &spot.task.when {
            self.condition(&path.key("when"), when, Some(index));
        }
        if let Some(stage) = spot.stage
            && let Some(when) = &self.pipeline.stages[stage].when
        {
            // What the names are is said once for the stage, whether they come before for each task.
            let path = Path::root().key("stages").item(stage).key("when");
            if spot.at == 0 {
                self.condition(&path, when, Some(index));
            } else {
                self.condition_order(&path, when, index);
            }
        }
        if let Some(from) = spot.task.retry.as_ref().and_then(|retry| retry.from.as_ref()) {
            let path = path.key("retry").key("from");
            if let Some(first) = self.known_task(&path, from.as_str())
                && first != index
                && !self.outline.comes_before(first, index)
            {
                self.findings.report(
                    path,
                    format!("{from:?} does not come before this task, so it cannot be repeated from there"),
                );
            }
        }
    }

    /// A text that is looked at before the run has a number.
    fn early(&mut self, path: &Path, text: &Template) {
        for (reference, _) in text.references() {
            match reference {
                Reference::Variable(name)
                    if BUILT_IN.contains(&name.as_str()) && !KNOWN_EARLY.contains(&name.as_str()) =>
                {
                    let message = format!("{reference} is not known before the run starts; use a parameter");
                    self.findings.report(path.clone(), message);
                }
                Reference::Output { .. } => {
                    self.findings.report(
                        path.clone(),
                        format!("{reference} is not known before the run starts; use a parameter"),
                    );
                }
                _ => {}
            }
        }
        self.text(path.clone(), Place::Plain, Ok(text), None);
    }

    /// A text of a task, or, without one, of the pipeline itself.
    fn text(&mut self, path: Path, place: Place, text: Result<&Template, String>, task: Option<usize>) {
        let text = match text {
            Ok(text) => text,
            Err(message) => return self.findings.report(path, message),
        };
        for (reference, has_default) in text.references() {
            match reference {
                Reference::Variable(name) => self.variable(&path, name, has_default, task),
                Reference::Output { task: name, key } => match task {
                    Some(index) => self.output(&path, name, key, has_default, index),
                    None => {
                        let message = format!(
                            "{reference} is the output of one task; put it into the env of the tasks that come after it"
                        );
                        self.findings.report(path.clone(), message);
                    }
                },
                Reference::Hash { .. } if place == Place::CacheKey => {}
                Reference::Hash { .. } => {
                    self.findings.report(path.clone(), "${hash:FILES} can only stand in the key of a cache");
                }
            }
        }
    }

    fn variable(&mut self, path: &Path, name: &str, has_default: bool, task: Option<usize>) {
        let task = task.map(|index| self.outline.spots()[index].task);
        let in_matrix = |task: &Task| task.matrix.contains_key(name);
        if self.parameters.contains(name) || BUILT_IN.contains(&name) || task.is_some_and(in_matrix) {
            return;
        }
        if self.broken.variables.contains(name) {
            return;
        }
        if STEP_ONLY.contains(&name) {
            let message = format!(
                "${name} is known only in the step's own environment; use it in a script, or write $$ for a dollar sign"
            );
            return self.findings.report(path.clone(), message);
        }
        if has_default {
            return;
        }
        let in_env = self.pipeline.env.contains_key(name) || task.is_some_and(|task| task.env.contains_key(name));
        if in_env {
            let message =
                format!("{name} is an env of the step, which only its script sees; make it a parameter to use it here");
            return self.findings.report(path.clone(), message);
        }
        let axes = task.into_iter().flat_map(|task| task.matrix.keys().map(|axis| axis.as_str()));
        let known: Vec<&str> = self.parameters.iter().copied().chain(BUILT_IN).chain(axes).collect();
        let message = format!("there is no variable {name:?}");
        self.findings.report_unknown(path.clone(), message, name, known);
    }

    /// The task of that name, or the one of which it names an instance. Others are reported.
    fn known_task(&mut self, path: &Path, name: &str) -> Option<usize> {
        if let Some(found) = self.outline.find(name) {
            return Some(found);
        }
        let base = name.split_once('[').map_or(name, |(base, _)| base);
        if let Some(found) = self.outline.find(base).filter(|_| base != name) {
            let task = self.outline.spots()[found].task;
            let ids = self.instances.entry(found).or_insert_with(|| {
                let all = matrix::instances(&task.name, &task.matrix);
                all.into_iter().map(|instance| instance.id.as_str().to_owned()).collect()
            });
            if ids.contains(name) {
                return Some(found);
            }
            let known = ids.iter().map(String::as_str);
            self.findings.report_unknown(path.clone(), format!("there is no task {name:?}"), name, known);
            return None;
        }
        if !name.is_empty() && !self.broken.tasks.contains(base) {
            self.findings.report_unknown(
                path.clone(),
                format!("there is no task {name:?}"),
                name,
                self.outline.names(),
            );
        }
        None
    }

    fn output(&mut self, path: &Path, name: &str, key: &str, has_default: bool, index: usize) {
        let Some(from) = self.declared(path, name, key) else { return };
        let (from_spot, spot) = (&self.outline.spots()[from], &self.outline.spots()[index]);
        if !self.in_order(path, name, from, index) || has_default {
            return;
        }
        let advice = format!("write ${{{name}.{key}:-default}} with a value for that case");
        let stage_when = |stage: usize| self.pipeline.stages[stage].when.is_some();
        if !from_spot.task.matrix.is_empty() && self.outline.find(name).is_some() {
            let message =
                format!("{name:?} has a matrix, so it is not clear which instance is meant; name one, or {advice}");
            self.findings.report(path.clone(), message);
        } else if from_spot.task.when.is_some()
            || (from_spot.stage != spot.stage && from_spot.stage.is_some_and(stage_when))
        {
            self.findings.report(path.clone(), format!("{name:?} may be skipped by its when; {advice}"));
        } else if spot.stage.is_none() && from_spot.stage.is_some() {
            self.findings.report(path.clone(), format!("finally also runs when {name:?} never ran; {advice}"));
        }
    }

    /// The task when it declares the output.
    fn declared(&mut self, path: &Path, name: &str, key: &str) -> Option<usize> {
        let from = self.known_task(path, name)?;
        let task = self.outline.spots()[from].task;
        let known = task.outputs.iter().map(|output| output.as_str()).chain(task.action.outputs().iter().copied());
        if !known.clone().any(|output| output == key) {
            let message = format!("{name:?} declares no output {key:?}; add it to its outputs");
            self.findings.report_unknown(path.clone(), message, key, known);
            return None;
        }
        Some(from)
    }

    fn in_order(&mut self, path: &Path, name: &str, from: usize, index: usize) -> bool {
        if self.outline.comes_before(from, index) {
            return true;
        }
        let this = &self.outline.spots()[index].task.name;
        let message = if from == index {
            format!("{name:?} refers to itself")
        } else {
            format!(
                "{name:?} does not come before {this:?}; name it in the needs of {this:?}, or move it to an earlier stage"
            )
        };
        self.findings.report(path.clone(), message);
        false
    }

    fn condition(&mut self, path: &Path, when: &Condition, index: Option<usize>) {
        for found in when.uses() {
            match found {
                Use::Parameter(name) | Use::Bare(name) => {
                    self.parameter(path, name, matches!(found, Use::Bare(_)), index)
                }
                Use::Field { of, field } => {
                    let known: &[&str] = if *of == "commit" { &COMMIT_FIELDS } else { &TRIGGER_FIELDS };
                    if !known.contains(&field.as_str()) {
                        let message = format!("{of} has no field {field:?}, only {}", known.join(", "));
                        self.findings.report_unknown(path.clone(), message, field, known.iter().copied());
                    }
                }
                Use::State { task } => {
                    self.known_task(path, task);
                }
                Use::Output { task, key } => {
                    if let Some(from) = self.declared(path, task, key)
                        && !self.outline.spots()[from].task.matrix.is_empty()
                        && self.outline.find(task).is_some()
                    {
                        let message = format!(
                            "{task:?} has a matrix; name one instance, such as tasks['{task}[…]'].outputs.{key}"
                        );
                        self.findings.report(path.clone(), message);
                    }
                }
            }
        }
        if let Some(index) = index {
            self.condition_order(path, when, index);
        }
    }

    fn condition_order(&mut self, path: &Path, when: &Condition, index: usize) {
        for found in when.uses() {
            if let Use::State { task } | Use::Output { task, .. } = found {
                let base = task.split_once('[').map_or(task.as_str(), |(base, _)| base);
                if let Some(from) = self.outline.find(task).or_else(|| self.outline.find(base)) {
                    self.in_order(path, task, from, index);
                }
            }
        }
    }

    fn parameter(&mut self, path: &Path, name: &str, bare: bool, index: Option<usize>) {
        if self.parameters.contains(name) || self.broken.variables.contains(name) {
            return;
        }
        let in_matrix = index.is_some_and(|index| self.outline.spots()[index].task.matrix.contains_key(name));
        if in_matrix || BUILT_IN.contains(&name) {
            let message = format!("{name} cannot be used in when, which knows params, trigger, commit and tasks");
            return self.findings.report(path.clone(), message);
        }
        let roots: &[&str] = if bare { &["params", "trigger", "commit", "tasks"] } else { &[] };
        let known: Vec<&str> = self.parameters.iter().copied().chain(roots.iter().copied()).collect();
        self.findings.report_unknown(path.clone(), format!("there is no parameter {name:?}"), name, known);
    }
}
