//! The one error that embedders see.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What kind of failure it is, and so what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A definition, a parameter or an argument is wrong. Nothing was started; correct it.
    Invalid,
    /// There is no such run, task or executor.
    NotFound,
    /// It clashes with something that is there: another engine, another writer, a run that has ended.
    Conflict,
    /// This build, executor or machine cannot do it.
    Unsupported,
    /// The disk, the database or the executor could not do its work now.
    Unavailable,
    /// What is stored makes no sense.
    Damaged,
    /// A mistake in Windlass itself. Please report it.
    Internal,
}

/// Why an operation of the engine failed.
///
/// `code` is a stable camelCase word that all languages share; `Display` is for people and says what to do next.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    operation: &'static str,
    message: String,
    retryable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What operations of the engine return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of a kind, with its stable code, what was being done, and a sentence for people.
    pub fn new(kind: ErrorKind, code: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        let retryable = kind == ErrorKind::Unavailable;
        Self { kind, code, operation, message: message.into(), retryable, source: None }
    }

    /// The same with the error behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A stable word, such as `invalidPipeline`, `locked` or `noSuchRun`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was being done, such as `open` or `start`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The mistakes of a definition, when that is what it is about.
    pub fn problems(&self) -> Option<&crate::pipeline::Problems> {
        self.source.as_ref()?.downcast_ref()
    }

    /// Which version of a pipeline is there and who saved it, when the error is `staleVersion`.
    pub fn stale_version(&self) -> Option<&crate::engine::StaleVersion> {
        self.source.as_ref()?.downcast_ref()
    }
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::Unsupported,
        Self::Unavailable,
        Self::Damaged,
        Self::Internal,
    ];

    /// The word for it in JSON, the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "notFound",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Damaged => "damaged",
            Self::Internal => "internal",
        }
    }
}

/// `kind`, `code`, `operation`, `message` and `retryable`; `problems` and `staleVersion` where it is about those, else null.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind.as_str())?;
        map.serialize_entry("code", self.code)?;
        map.serialize_entry("operation", self.operation)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("retryable", &self.retryable)?;
        map.serialize_entry("problems", &self.problems())?;
        map.serialize_entry("staleVersion", &self.stale_version())?;
        map.end()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl From<crate::pipeline::Problems> for Error {
    fn from(problems: crate::pipeline::Problems) -> Self {
        Self::new(ErrorKind::Invalid, "invalidPipeline", "plan", problems.to_string()).with_source(problems)
    }
}

impl From<crate::pipeline::editor::EditError> for Error {
    fn from(error: crate::pipeline::editor::EditError) -> Self {
        use crate::pipeline::editor::EditError as E;
        let kind = match &error {
            E::NoSuchStage { .. } | E::NoSuchTask { .. } => ErrorKind::NotFound,
            E::NameTaken { .. } | E::NothingToUndo | E::NothingToRedo => ErrorKind::Conflict,
            E::BadName(_) | E::OutOfRange { .. } | E::NotASource { .. } | E::NoSourceStage => ErrorKind::Invalid,
        };
        Self::new(kind, error.code(), "edit", error.to_string()).with_source(error)
    }
}

impl From<crate::store::StoreError> for Error {
    fn from(error: crate::store::StoreError) -> Self {
        use crate::store::StoreError as S;
        let (kind, code) = match &error {
            S::Stale { .. } => (ErrorKind::Conflict, "stale"),
            S::Duplicate { .. } => (ErrorKind::Conflict, "duplicate"),
            S::NoSuchRun { .. } => (ErrorKind::NotFound, "noSuchRun"),
            S::StaleVersion { .. } => (ErrorKind::Conflict, "staleVersion"),
            S::PipelineExists { .. } => (ErrorKind::Conflict, "pipelineExists"),
            S::NoSuchPipeline { .. } => (ErrorKind::NotFound, "noSuchPipeline"),
            S::Unfinished { .. } => (ErrorKind::Conflict, "runUnfinished"),
            S::NotKept { .. } => (ErrorKind::Conflict, "workspaceNotKept"),
            S::NoSuchCredential { .. } => (ErrorKind::NotFound, "noSuchCredential"),
            S::NewerFormat { .. } => (ErrorKind::Unsupported, "newerFormat"),
            S::Damaged { .. } => (ErrorKind::Damaged, "damaged"),
            S::ReadOnly { .. } => (ErrorKind::Unavailable, "readOnly"),
            S::Full { .. } => (ErrorKind::Unavailable, "noSpace"),
            S::Locked { .. } => (ErrorKind::Conflict, "locked"),
            S::NotADataDir { .. } => (ErrorKind::NotFound, "notADataDir"),
            S::NoPlace { .. } => (ErrorKind::Invalid, "noPlace"),
            S::OlderFormat { .. } => (ErrorKind::Unsupported, "olderFormat"),
            S::Io { .. } => (ErrorKind::Unavailable, "storeFailed"),
        };
        Self::new(kind, code, "store", error.to_string()).with_source(error)
    }
}

impl From<crate::secret::SecretError> for Error {
    fn from(error: crate::secret::SecretError) -> Self {
        use crate::secret::SecretError as S;
        let kind = match &error {
            S::BadKey { .. } | S::OpenKeyFile { .. } | S::NoKey { .. } | S::OtherKey { .. } => ErrorKind::Conflict,
            S::Tampered { .. } => ErrorKind::Damaged,
            S::NoSuchCredential { .. } => ErrorKind::NotFound,
            S::Provider { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error.code(), "credentials", error.to_string()).with_source(error)
    }
}

impl From<crate::executor::ExecutorError> for Error {
    fn from(error: crate::executor::ExecutorError) -> Self {
        use crate::executor::ExecutorError as E;
        let (kind, code) = match &error {
            E::Unsupported { .. } => (ErrorKind::Unsupported, "unsupported"),
            E::BadStep { code, .. } => (ErrorKind::Invalid, *code),
            E::Infrastructure { code, .. } => (ErrorKind::Unavailable, *code),
            E::WorkspaceLost { .. } => (ErrorKind::Unavailable, "workspaceLost"),
            E::Lost { .. } => (ErrorKind::Unavailable, "lost"),
            E::NeverStarted => (ErrorKind::Conflict, "neverStarted"),
            E::Io { .. } => (ErrorKind::Unavailable, "executorFailed"),
        };
        Self::new(kind, code, "executor", error.to_string()).with_source(error)
    }
}

impl From<crate::log::LogError> for Error {
    fn from(error: crate::log::LogError) -> Self {
        let kind = if matches!(error, crate::log::LogError::Damaged { .. }) {
            ErrorKind::Damaged
        } else {
            ErrorKind::Unavailable
        };
        Self::new(kind, "logFailed", "log", error.to_string()).with_source(error)
    }
}

impl From<crate::blob::BlobError> for Error {
    fn from(error: crate::blob::BlobError) -> Self {
        use crate::blob::BlobError as B;
        let kind = match &error {
            B::Missing { .. } => ErrorKind::NotFound,
            B::Damaged { .. } => ErrorKind::Damaged,
            B::TooBig { .. } => ErrorKind::Invalid,
            B::NoSpace { .. } | B::Refused { .. } | B::NoBucket { .. } | B::Unreachable { .. } | B::Io { .. } => {
                ErrorKind::Unavailable
            }
        };
        Self::new(kind, error.code(), "blob", error.to_string()).with_source(error)
    }
}
