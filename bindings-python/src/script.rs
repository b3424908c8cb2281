//! What a scripted step does, as the package says it.

use std::time::Duration;

use serde::Deserialize;
use windlass::run::StepEnd;
use windlass::testing::Script;

use crate::answer::kept;

/// A script as data.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Said {
    end: End,
    #[serde(default)]
    does: Vec<Deed>,
    #[serde(default)]
    ignores_signal: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum End {
    Exit(StepEnd),
    Hangs,
    Lost,
    Infrastructure(String),
    BadStep(String, String),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Deed {
    /// Milliseconds.
    After(u64),
    Log(String),
    Output(String, String),
    File(String, String),
    Waiting(String, String, u64),
}

impl From<Said> for Script {
    fn from(said: Said) -> Self {
        let script = match said.end {
            End::Exit(end) => Self::ends(end),
            End::Hangs => Self::hangs(),
            End::Lost => Self::lost(),
            End::Infrastructure(message) => Self::infrastructure(message),
            End::BadStep(code, message) => Self::bad_step(kept(code), message),
        };
        let script = said.does.into_iter().fold(script, |script, deed| match deed {
            Deed::After(length) => script.after(Duration::from_millis(length)),
            Deed::Log(text) => script.log_bytes(text),
            Deed::Output(key, value) => script.output(&key, &value),
            Deed::File(path, content) => script.file(path, content),
            Deed::Waiting(code, message, length) => script.waiting(code, message, Duration::from_millis(length)),
        });
        if said.ignores_signal { script.ignores_signal() } else { script }
    }
}
