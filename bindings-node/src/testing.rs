//! Tests of an embedder's own pipelines: scripted steps, persons who answer, virtual time.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use serde::Deserialize;
use windlass::pipeline::HumanDuration;
use windlass::run::{RunStatus, StepEnd, TaskStatus};
use windlass::testing::{PipelineTest, Script, TestOutcome};
use windlass::wire::{self, StartOptions};
use windlass::{Error, ErrorKind};

use crate::error::{guarded, guarded_now, json, thrown};
use crate::host::{Plugin, interned};
use crate::plugin::Registration;
use crate::quiet;

/// A test, as JavaScript describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TestOptions {
    #[serde(default)]
    start: StartOptions,
    #[serde(default)]
    tasks: BTreeMap<String, Vec<ScriptOptions>>,
    #[serde(default)]
    answers: BTreeMap<String, AnswerOptions>,
    #[serde(default)]
    cancels: Vec<HumanDuration>,
    #[serde(default)]
    strict: bool,
}

/// What a person says when asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnswerOptions {
    approve: bool,
    #[serde(default)]
    after: Option<HumanDuration>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
}

/// What a step does: how it ends, and what happens before.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScriptOptions {
    end: EndOptions,
    #[serde(default)]
    does: Vec<Doing>,
}

/// How a step ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum EndOptions {
    Ends(StepEnd),
    Hangs,
    Lost,
    Infrastructure { message: String },
    BadStep { code: String, message: String },
}

/// Something that a step does before its end.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Doing {
    After(HumanDuration),
    Log(String),
    LogText(String),
    Output { key: String, value: String },
    File { path: String, content: String },
    Waiting { code: String, message: String, length: HumanDuration },
    IgnoresSignal,
}

impl From<ScriptOptions> for Script {
    fn from(options: ScriptOptions) -> Self {
        let first = match options.end {
            EndOptions::Ends(end) => Self::ends(end),
            EndOptions::Hangs => Self::hangs(),
            EndOptions::Lost => Self::lost(),
            EndOptions::Infrastructure { message } => Self::infrastructure(message),
            EndOptions::BadStep { code, message } => Self::bad_step(interned(&code), message),
        };
        options.does.into_iter().fold(first, |script, doing| match doing {
            Doing::After(length) => script.after(length.get()),
            Doing::Log(line) => script.log(line),
            Doing::LogText(text) => script.log_bytes(text),
            Doing::Output { key, value } => script.output(&key, &value),
            Doing::File { path, content } => script.file(path, content),
            Doing::Waiting { code, message, length } => script.waiting(code, message, length.get()),
            Doing::IgnoresSignal => script.ignores_signal(),
        })
    }
}

impl TestOptions {
    fn test(self, definition: &windlass::Pipeline) -> windlass::Result<PipelineTest> {
        let mut test = PipelineTest::of(definition).request(self.start.request()?);
        for (name, scripts) in self.tasks {
            test = test.attempts(name, scripts.into_iter().map(Script::from));
        }
        for (task, AnswerOptions { approve, after, by, reason }) in self.answers {
            let after = after.map(HumanDuration::get).unwrap_or_default();
            test = match approve {
                true => test.approve_after(task, after, by, reason),
                false => test.reject_after(task, after, by, reason),
            };
        }
        for after in self.cancels {
            test = test.cancel_after(after.get());
        }
        Ok(if self.strict { test.strict() } else { test })
    }
}

/// What came of a test's run.
#[napi]
pub struct NativeTestOutcome {
    outcome: TestOutcome,
}

/// Runs a test to its end.
#[napi]
pub async fn run_pipeline_test(definition: String, options: String, plugins: Vec<Plugin>) -> Result<NativeTestOutcome> {
    guarded("test", async {
        let definition = wire::definition(&definition)?;
        let mut test = wire::read::<TestOptions>(&options, "test")?.test(&definition)?;
        for plugin in plugins {
            match Registration::of(plugin)? {
                Registration::Action(name, action) => test = test.engine(move |builder| builder.action(name, action)),
                Registration::Secrets(secrets) => test = test.engine(move |builder| builder.secrets(secrets)),
                _ => {
                    let message = "the steps of a test are scripted: it takes actions and providers of credentials, and no executors";
                    return Err(Error::new(ErrorKind::Invalid, "badOption", "test", message));
                }
            }
        }
        let (sender, outcome) = tokio::sync::oneshot::channel();
        // Virtual time wants a runtime in which nothing else goes on.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let result = match runtime {
                Ok(runtime) => runtime.block_on(test.run()),
                Err(error) => Err(Error::new(ErrorKind::Unavailable, "noThreads", "test", error.to_string())),
            };
            // Nobody waits any more when the receiver is gone.
            let _ = sender.send(result);
        });
        let died =
            |_| Error::new(ErrorKind::Internal, "panic", "test", "the test itself broke down; see standard error");
        Ok(NativeTestOutcome { outcome: outcome.await.map_err(died)?? })
    })
    .await
}

/// What is expected of an outcome.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Expectation {
    Status(RunStatus),
    Ran(String),
    Skipped(String),
    Order(Vec<String>),
    SideBySide(Vec<String>),
    Task { name: String, expects: TaskExpectation },
}

/// What is expected of a task.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum TaskExpectation {
    Ended(TaskStatus),
    FailedWith(String),
    Attempts(u32),
    Env { variable: String, value: String },
    Output { key: String, value: String },
    Printed(String),
}

#[napi]
impl NativeTestOutcome {
    /// The run, its events and its calls as JSON.
    #[napi]
    pub fn all(&self) -> Result<String> {
        guarded_now("test", || json(&self.outcome))
    }

    /// What the newest attempt at a task printed.
    #[napi]
    pub fn log(&self, task: String) -> Result<String> {
        self.asked(|outcome| outcome.log(&task))
    }

    /// Throws with what happened instead.
    #[napi]
    pub fn expects(&self, expectation: String) -> Result<()> {
        let expectation: Expectation = wire::read(&expectation, "expect").map_err(thrown)?;
        self.asked(|outcome| match expectation {
            Expectation::Status(status) => drop(outcome.assert_status(status)),
            Expectation::Ran(task) => drop(outcome.assert_ran(&task)),
            Expectation::Skipped(task) => drop(outcome.assert_skipped(&task)),
            Expectation::Order(tasks) => drop(outcome.assert_order(tasks)),
            Expectation::SideBySide(tasks) => drop(outcome.assert_side_by_side(tasks)),
            Expectation::Task { name, expects } => {
                let task = outcome.assert_task(&name);
                match expects {
                    TaskExpectation::Ended(status) => drop(task.ended(status)),
                    TaskExpectation::FailedWith(code) => drop(task.failed_with(&code)),
                    TaskExpectation::Attempts(attempts) => drop(task.attempts(attempts)),
                    TaskExpectation::Env { variable, value } => drop(task.env(&variable, &value)),
                    TaskExpectation::Output { key, value } => drop(task.output(&key, &value)),
                    TaskExpectation::Printed(text) => drop(task.printed(&text)),
                }
            }
        })
    }
}

impl NativeTestOutcome {
    /// Asks the core, whose assertions fail by a panic, which becomes an error with the code `assertion`.
    fn asked<T>(&self, ask: impl FnOnce(&TestOutcome) -> T) -> Result<T> {
        let outcome = AssertUnwindSafe(&self.outcome);
        quiet::panics(AssertUnwindSafe(|| ask(&outcome)))
            .map_err(|message| thrown(Error::new(ErrorKind::Invalid, "assertion", "expect", message)))
    }
}
