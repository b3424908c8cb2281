//! An action of JavaScript.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem, Waits};

use crate::context::NativeContext;
use crate::failure::action_error;
use crate::host::Host;
use crate::simple_executor::{Call, Lent};

/// What an action says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct AboutAction {
    repeatable: Option<bool>,
    /// Whether it looks at settings before a run starts.
    checks: bool,
}

/// An action of JavaScript.
#[derive(Debug)]
pub(crate) struct JsAction {
    host: Host,
    about: AboutAction,
}

/// What an action says is wrong.
#[derive(Debug, Deserialize)]
struct Wrong {
    path: String,
    message: String,
}

impl JsAction {
    pub(crate) fn new(host: Host, about: AboutAction) -> Self {
        Self { host, about }
    }
}

/// An action that says nothing, for what the core decides when nothing is said.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl ActionHandler for Silent {
    async fn run(&self, _context: ActionContext) -> Result<ActionOutput, ActionError> {
        Ok(ActionOutput::default())
    }
}

/// Returns when the action is wanted no longer. Time goes on from there, so that its grace can end.
async fn ended_early(context: &ActionContext, waits: Waits) {
    context.cancelled().await;
    waits.for_good();
}

#[async_trait]
impl ActionHandler for JsAction {
    fn repeatable(&self) -> bool {
        self.about.repeatable.unwrap_or_else(|| Silent.repeatable())
    }

    fn check(&self, settings: &Value) -> Vec<SettingsProblem> {
        if !self.about.checks {
            return Silent.check(settings);
        }
        let answer = self.host.ask_now("check", json!({ "settings": settings }));
        let wrong: Vec<Wrong> = answer.and_then(|answer| serde_json::from_str(&answer).ok()).unwrap_or_default();
        wrong.into_iter().map(|wrong| SettingsProblem::new(wrong.path, wrong.message)).collect()
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let call = Call::begin(&self.host);
        let request = json!({
            "call": call.number,
            "settings": context.raw_settings(),
            "variables": context.variables(),
            "run": context.run(),
            "runNumber": context.run_number(),
            "pipeline": context.pipeline(),
            "task": context.task(),
            "attempt": context.attempt(),
            "idempotencyKey": context.idempotency_key(),
            "resumed": context.resumed(),
        });
        let working = context.working();
        let lent = Lent(NativeContext::action(context.clone(), working.waits()));
        let run = self.host.ask("run", request, Some(lent.0.clone()));
        let answer = call.until(run, ended_early(&context, working.waits())).await;
        drop(working);
        let outputs = answer.and_then(|answer| self.host.value::<Option<BTreeMap<String, String>>>(&answer, "run"));
        let outputs = outputs.map_err(action_error)?.unwrap_or_default();
        Ok(outputs.into_iter().fold(ActionOutput::default(), |output, (key, value)| output.with(key, value)))
    }
}
