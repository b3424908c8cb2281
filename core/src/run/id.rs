//! Ids: of a run, and of one attempt at a task in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::pipeline::TaskId;

/// The unique id of a run. Ids made later sort later (UUID version 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

impl RunId {
    /// Takes an id that a clock made.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as a UUID.
    pub const fn get(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for RunId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// The number of an event in its run: 1, 2, 3 … 0 stands for "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One attempt at a task in a run: what executors address steps by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    /// The run.
    pub run: RunId,
    /// The task, by its name in the run.
    pub task: TaskId,
    /// 1 for the first attempt.
    pub attempt: u32,
}

impl StepKey {
    /// A name for folders, containers and pods: lower-case ASCII letters, digits, `-` and one `.`, at most 60 characters.
    /// The same key gives the same name always; different keys of a run give different names.
    pub fn slug(&self) -> String {
        let mut readable = String::with_capacity(40);
        for character in self.task.as_str().chars() {
            if character.is_ascii_alphanumeric() {
                readable.push(character.to_ascii_lowercase());
            } else if !readable.is_empty() && !readable.ends_with('-') {
                readable.push('-');
            }
            if readable.len() == 36 {
                break;
            }
        }
        let readable = readable.trim_end_matches('-');
        let hash = fnv1a(self.task.as_str().as_bytes());
        let dash = if readable.is_empty() { "" } else { "-" };
        format!("{readable}{dash}{hash:012x}.{}", self.attempt, hash = hash & 0xffff_ffff_ffff)
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.run, self.task, self.attempt)
    }
}

impl fmt::Debug for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// FNV-1a, 64 bits: tells names apart that look alike once they are simplified. Not for anything secret.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
