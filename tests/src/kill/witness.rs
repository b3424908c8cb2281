//! The actions of the program under test: they leave a witness of each call, as its scripts do.

use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use windlass::action::{ActionContext, ActionError, ActionHandler, ActionOutput, SettingsProblem};

/// The pause between two lines.
const PAUSE: Duration = Duration::from_millis(40);

/// Logs some lines, with a line in the witness file before and after them.
#[derive(Debug)]
pub struct Witness {
    /// Whether it may be called again after a crash.
    pub repeatable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    lines: u32,
    output: Option<String>,
}

#[async_trait::async_trait]
impl ActionHandler for Witness {
    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn check(&self, settings: &serde_json::Value) -> Vec<SettingsProblem> {
        SettingsProblem::of::<Settings>(settings)
    }

    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        let settings: Settings = context.settings()?;
        testify(&context, "start")?;
        for line in 1..=settings.lines {
            context.log_line(format!("{} {line}", context.task())).await;
            context.sleep(PAUSE).await;
        }
        testify(&context, "end")?;
        let output = ActionOutput::default();
        Ok(match settings.output {
            Some(key) => output.with(key, settings.lines.to_string()),
            None => output,
        })
    }
}

/// Adds a short line to the witness file, in one piece.
fn testify(context: &ActionContext, word: &str) -> Result<(), ActionError> {
    let path = context.variables().get("WITNESS").cloned().unwrap_or_default();
    let line = format!("{word} {} {}\n", context.task(), context.attempt());
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| ActionError::failed("noWitness", format!("{path}: {error}"), ""))
}
