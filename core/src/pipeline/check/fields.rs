//! The pipeline's own fields: parameters, environment, durations, triggers.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::variables::{BUILT_IN, EXECUTOR_OWN};
use crate::pipeline::duration::HumanDuration;
use crate::pipeline::model::{Parameter, Pipeline};
use crate::pipeline::name::is_stand_in;
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::template::Template;

pub(super) fn check(pipeline: &Pipeline, findings: &mut Findings) {
    let root = Path::root();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, parameter) in pipeline.parameters.iter().enumerate() {
        let path = root.key("parameters").item(at);
        parameter_fields(parameter, &path, findings);
        if let Some(first) = seen.insert(parameter.name.as_str(), at).filter(|_| !is_stand_in(parameter.name.as_str()))
        {
            let message = format!("there is a parameter {:?} already, parameters[{first}]", parameter.name);
            findings.report(path.key("name"), message);
        }
    }
    env(&pipeline.env, &root, findings);
    positive(pipeline.timeout, &root, "timeout", findings);
    positive(pipeline.finally_timeout, &root, "finallyTimeout", findings);
    super::schedule::check(&pipeline.triggers, findings);
}

fn parameter_fields(parameter: &Parameter, path: &Path, findings: &mut Findings) {
    let Parameter { name, value, dynamic, default, choices, .. } = parameter;
    if is_taken(name.as_str()) {
        findings
            .report(path.key("name"), format!("{name:?} is a name that every run defines itself; take another one"));
    }
    for (key, text) in [("value", value), ("default", default)] {
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            findings.report(path.key(key), "a value may not contain the character NUL");
        }
    }
    match (dynamic, value) {
        (true, Some(_)) => findings.report(
            path.key("value"),
            "a dynamic parameter has no value of its own; write default, or leave out dynamic",
        ),
        (false, None) if !findings.has(&path.key("dynamic")) => {
            findings
                .report(path.clone(), "a parameter has a value, or is dynamic: true and given when a run is started");
        }
        _ => {}
    }
    if !dynamic && default.is_some() {
        findings
            .report(path.key("default"), "only a dynamic parameter has a default; write value, or add dynamic: true");
    }
    if !dynamic && !choices.is_empty() {
        findings.report(path.key("choices"), "only a dynamic parameter has choices; add dynamic: true");
    }
    if let Some(default) = default
        && *dynamic
        && !choices.is_empty()
        && !choices.contains(default)
    {
        let message = format!("the default {default:?} is not one of the choices {}", choices.join(", "));
        findings.report_unknown(path.key("default"), message, default, choices.iter().map(String::as_str));
    }
    twice(choices.iter().map(String::as_str), &path.key("choices"), findings);
}

/// Values of which each may be there once.
pub(super) fn twice<'a>(values: impl Iterator<Item = &'a str>, path: &Path, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (at, value) in values.enumerate() {
        if !seen.insert(value) && !findings.has(&path.item(at)) {
            findings.report(path.item(at), format!("{value:?} is there twice"));
        }
    }
}

/// Whether the engine or the executor defines this name.
pub(super) fn is_taken(name: &str) -> bool {
    BUILT_IN.contains(&name) || EXECUTOR_OWN.contains(&name)
}

/// The names of an environment.
pub(super) fn env(env: &IndexMap<String, Template>, path: &Path, findings: &mut Findings) {
    for name in env.keys() {
        let here = || path.key("env").key(name.clone());
        if name.is_empty() || name.contains(['=', '\0']) {
            findings.report(
                here(),
                format!("{name:?} cannot be the name of an environment variable: it is empty, or has = or NUL in it"),
            );
        }
        if EXECUTOR_OWN.contains(&name.as_str()) {
            findings.report(
                here(),
                format!("{name} is set for each step by the executor and cannot be changed; take another name"),
            );
        }
    }
}

/// A time that must be longer than nothing.
pub(super) fn positive(duration: Option<HumanDuration>, path: &Path, key: &'static str, findings: &mut Findings) {
    // A text that was no duration has become zero, and has been reported; nothing else is zero but 0s itself.
    if duration.is_some_and(|duration| duration.get().is_zero()) && !findings.has(&path.key(key)) {
        findings.report(path.key(key), "must be longer than nothing; leave it out for the default");
    }
}
