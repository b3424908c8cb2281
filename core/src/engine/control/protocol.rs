//! What is said over the control socket: lines of JSON. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(feature = "kubernetes")]
use crate::cluster::NewCluster;
use crate::engine::Rerun;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::TaskName;
use crate::run::RunId;
use crate::secret::{Credential, Unmasked};
#[cfg(feature = "sqlite")]
use crate::store::Position;

/// The version of the language.
pub(super) const VERSION: u64 = 1;
/// The longest line of a request, in bytes.
pub(super) const MAX_REQUEST: usize = 64 << 10;
/// The longest line of an answer.
pub(super) const MAX_ANSWER: usize = 1 << 20;

/// What an engine can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Request {
    /// Asks a run to end.
    Cancel { run: String, by: String, reason: String },
    /// Says yes to a task that waits for an approval.
    Approve { run: String, task: String, by: String, reason: String },
    /// Says no to it.
    Reject { run: String, task: String, by: String, reason: String },
    /// Runs a run again.
    Retry { run: String, by: String, mode: Mode },
    /// Keeps a credential.
    SetCredential { name: String, credential: Credential, by: String },
    /// Removes a credential.
    RemoveCredential { name: String, by: String },
    /// Tries a credential on a target of this kind.
    TestCredential { name: String, kind: String, address: String },
    /// Seals everything with another master key.
    RotateMasterKey { by: String },
    /// Adds a cluster.
    #[cfg(feature = "kubernetes")]
    AddCluster { cluster: NewCluster, by: String },
    /// Forgets a cluster.
    #[cfg(feature = "kubernetes")]
    RemoveCluster { name: String, force: bool, by: String },
    /// Copies everything into a new folder.
    Backup { path: PathBuf, by: String },
    /// How the engine is.
    Status {},
    /// Lets no further run go.
    Drain {},
}

/// How a run is run again: `"asItWas"`, `{"fromTask":"build"}` …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    AsItWas,
    AsItIs,
    FromFailed,
    FromTask(TaskName),
}

impl From<Mode> for Rerun {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::AsItWas => Self::AsItWas,
            Mode::AsItIs => Self::AsItIs,
            Mode::FromFailed => Self::FromFailed,
            Mode::FromTask(task) => Self::FromTask(task),
        }
    }
}

impl From<Rerun> for Mode {
    fn from(mode: Rerun) -> Self {
        match mode {
            Rerun::AsItWas => Self::AsItWas,
            Rerun::AsItIs => Self::AsItIs,
            Rerun::FromFailed => Self::FromFailed,
            Rerun::FromTask(task) => Self::FromTask(task),
        }
    }
}

/// A run, as people name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunName {
    /// The unique id.
    pub id: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The number in the pipeline.
    pub number: u64,
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.pipeline, self.number)
    }
}

/// How an engine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineStatus {
    /// Its process.
    pub pid: u32,
    /// Its version of Windlass.
    pub version: String,
    /// How many runs go on.
    pub running: usize,
    /// How many runs wait for their turn.
    pub queued: usize,
}

/// A backup that was made.
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) runs: usize,
    #[serde(default)]
    pub(super) artifacts: Option<usize>,
    pub(super) position: Position,
}

/// A credential that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) created: bool,
    pub(super) unmasked: Vec<Unmasked>,
}

/// What was seen with a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) message: String,
}

/// What came of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotated {
    pub(super) key: String,
    pub(super) credentials: usize,
}

/// Nothing but that it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {}

/// A request as a line, with its end.
pub(super) fn request_line(request: &Request) -> Result<Vec<u8>> {
    let mut value = serde_json::to_value(request).map_err(|error| unwritable(&error))?;
    if let Value::Object(fields) = &mut value {
        fields.insert("version".to_owned(), VERSION.into());
    }
    let line = line(&value);
    if line.len() > MAX_REQUEST {
        let message =
            format!("the request is too long: at most {} KiB are taken; shorten what it says", MAX_REQUEST >> 10);
        return Err(Error::new(ErrorKind::Invalid, "requestTooLong", "control", message));
    }
    Ok(line)
}

/// What the engine answered.
pub(super) fn read_answer<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Answer {
        Ok(Value),
        Error { kind: String, code: String, message: String },
    }
    let bad = |why: serde_json::Error| {
        let message = format!("the engine's answer cannot be understood: {why}");
        Error::new(ErrorKind::Unsupported, "badAnswer", "control", message)
    };
    match serde_json::from_slice(line).map_err(bad)? {
        Answer::Ok(value) => serde_json::from_value(value).map_err(bad),
        Answer::Error { kind, code, message } => Err(Error::new(kind_of(&kind), known(&code), "control", message)),
    }
}

pub(super) fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

pub(super) fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "unwritable", "control", error.to_string())
}

pub(super) const KINDS: [(ErrorKind, &str); 7] = [
    (ErrorKind::Invalid, "invalid"),
    (ErrorKind::NotFound, "notFound"),
    (ErrorKind::Conflict, "conflict"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::Unavailable, "unavailable"),
    (ErrorKind::Damaged, "damaged"),
    (ErrorKind::Internal, "internal"),
];

fn kind_of(word: &str) -> ErrorKind {
    KINDS.iter().find(|(_, known)| *known == word).map_or(ErrorKind::Internal, |(kind, _)| *kind)
}

/// Codes of errors that engines answered with. There are few, and they stay.
static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
/// So many are remembered at most; there are fewer than that.
const MAX_CODES: usize = 256;
/// The longest one.
const MAX_CODE: usize = 64;

/// The code as errors have it: for as long as the process lives.
fn known(code: &str) -> &'static str {
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return known;
    }
    let plausible = code.len() <= MAX_CODE && code.chars().all(|character| character.is_ascii_alphanumeric());
    if !plausible || codes.len() >= MAX_CODES {
        return "engineFailed";
    }
    let code: &'static str = code.to_owned().leak();
    codes.insert(code);
    code
}
