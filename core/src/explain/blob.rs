//! What is kept beside runs, and could not be.

use super::code;
use super::error::{Explained, FailureClass};
use crate::blob::BlobError;
use crate::report::TestSummary;
use crate::run::Cause;

/// Why a cache or an artifact could not be stored or read.
pub fn blob_error(error: &BlobError) -> Explained {
    let (class, code, advice) = match error {
        BlobError::TooBig { .. } => (
            FailureClass::Failure,
            code::TOO_BIG,
            "Keep less: name the folders that are really needed, leave others out with `!PATH`, or clean up before. The \
             embedder can raise the limits (`EngineBuilder::blob_settings`).",
        ),
        BlobError::NoSpace { .. } => (
            FailureClass::Infrastructure,
            code::NO_SPACE,
            "Free some space (`df -h` and `df -i` show what is full), let caches take less, or keep artifacts for a shorter time \
             (`keep`).",
        ),
        BlobError::Damaged { .. } => (
            FailureClass::Infrastructure,
            code::OBJECT_DAMAGED,
            "A file of the workspace may have changed while it was read: let nothing run on in the background. Otherwise look \
             at the disk or the bucket.",
        ),
        BlobError::Missing { .. } => (
            FailureClass::Infrastructure,
            code::OBJECT_MISSING,
            "Somebody removed it: look into the folder or the bucket.",
        ),
        BlobError::Refused { .. } => (
            FailureClass::Infrastructure,
            code::OBJECT_STORE_REFUSED,
            "The engine's key, its secret or its session's token is wrong, or may not do this: on the bucket it needs \
             `s3:ListBucket`, and on what is in it `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and \
             `s3:AbortMultipartUpload`. The embedder sets it where the engine is opened (`S3Settings`).",
        ),
        BlobError::NoBucket { .. } => (
            FailureClass::Infrastructure,
            code::BUCKET_MISSING,
            "Make the bucket, since Windlass makes none, or correct its name, its region or the service's address where the \
             engine is opened (`S3Settings`).",
        ),
        BlobError::Unreachable { .. } => (
            FailureClass::Infrastructure,
            code::OBJECT_STORE_UNREACHABLE,
            "Look whether the service runs, and whether the engine's machine gets to its address (`curl -v ADDRESS`): a name, a \
             proxy or a firewall can be in the way. Then run it again.",
        ),
        BlobError::Io { .. } => (
            FailureClass::Infrastructure,
            code::OBJECT_STORE,
            "Look whether the folder or the bucket can be reached and written, with the engine's own user or key.",
        ),
    };
    Explained { cause: Cause::new(code, error.to_string(), advice), class }
}

/// A cause that says no more than an exit code, in the words of the tests that failed; other causes stay.
pub fn tests_failed(tests: &TestSummary, cause: Cause) -> Cause {
    let Some(words) = tests.in_words().filter(|_| cause.code == code::EXIT_CODE) else { return cause };
    let more =
        if tests.failures.is_empty() { "" } else { "`windlass show RUN --json` lists them with what they said. " };
    Cause::new(code::TESTS_FAILED, words, format!("{more}The task's log has all of it."))
}
