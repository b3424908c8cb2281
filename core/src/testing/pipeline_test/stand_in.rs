//! Actions that would talk to something: in a test a step stands in for each, which a script plays. What the action would
//! have been given travels through the engine as environment of that step, so that its variables are replaced as always.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PipelineTest;
use super::check::base;
use crate::pipeline::{Action, Pipeline, Task, Template, texts};

/// The beginning of the variables that carry texts of an action. Nobody's own: they are taken out before a test sees them.
const CARRIER: &str = "windlass-test-";

/// The actions for which steps stand in, by the names of their tasks.
#[derive(Debug, Default)]
pub(super) struct StandIns(BTreeMap<String, StandIn>);

#[derive(Debug)]
struct StandIn {
    action: &'static str,
    settings: Value,
    /// The places in `settings` of the texts that are carried, in their order.
    carried: Vec<String>,
}

impl StandIns {
    /// Puts steps in the place of actions.
    pub(super) fn put(test: &PipelineTest, pipeline: &mut Pipeline) -> Self {
        let mut stand_ins = Self::default();
        let tasks = pipeline.stages.iter_mut().flat_map(|stage| &mut stage.tasks).chain(&mut pipeline.finally);
        for task in tasks.filter(|task| is_played(test, task)) {
            if let Some(stand_in) = StandIn::put(task) {
                stand_ins.0.insert(task.name.to_string(), stand_in);
            }
        }
        stand_ins
    }

    /// The action of a task and what it was given; takes what was carried out of the environment. `None` for a script.
    pub(super) fn settings(&self, task: &str, env: &mut BTreeMap<String, String>) -> Option<(&'static str, Value)> {
        let stand_in = self.0.get(task)?;
        let mut settings = stand_in.settings.clone();
        for (at, place) in stand_in.carried.iter().enumerate() {
            if let (Some(text), Some(place)) = (env.remove(&carrier(at)), settings.pointer_mut(place)) {
                *place = Value::String(text);
            }
        }
        Some((stand_in.action, settings))
    }
}

fn carrier(at: usize) -> String {
    format!("{CARRIER}{at}")
}

/// Whether a step stands in for the action. Own actions run when the engine was given some, unless they are scripted.
fn is_played(test: &PipelineTest, task: &Task) -> bool {
    match &task.action {
        Action::Script(_) | Action::Approve(_) => false,
        Action::Custom(_) => test.engine.is_empty() || test.scripts.keys().any(|name| base(name) == task.name.as_str()),
        _ => true,
    }
}

impl StandIn {
    fn put(task: &mut Task) -> Option<Self> {
        let action = task.action.key();
        let settings = serde_json::to_value(&task.action).ok()?.get_mut(action)?.take();
        let above = format!("/{action}");
        let of_action = |(place, text): (String, Template)| Some((place.strip_prefix(&above)?.to_owned(), text));
        let (carried, found): (Vec<_>, Vec<_>) = texts(task).into_iter().filter_map(of_action).unzip();
        task.env.extend(found.into_iter().enumerate().map(|(at, text)| (carrier(at), text)));
        task.action = Action::Script(format!("# stands in for {action}"));
        Some(Self { action, settings, carried })
    }
}
