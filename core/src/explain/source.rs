//! Why a repository could not be fetched.

use super::{Explained, FailureClass, code};
use crate::run::Cause;
use crate::source::SourceError;

/// Why a repository could not be fetched, what to do about it, and whether another try may help by itself.
pub fn source_error(error: &SourceError) -> Explained {
    let (code, class) = judged(error);
    Explained { cause: Cause::new(code, error.to_string(), advice(error)), class }
}

/// The stable code of the cause.
pub(crate) fn source_code(error: &SourceError) -> &'static str {
    judged(error).0
}

fn judged(error: &SourceError) -> (&'static str, FailureClass) {
    use FailureClass::{Failure, Infrastructure, Stopped};
    match error {
        SourceError::BadUrl { .. } => (code::BAD_URL, Failure),
        SourceError::BadRef { .. } => (code::BAD_REF, Failure),
        SourceError::Unreachable { .. } => (code::REMOTE_UNREACHABLE, Infrastructure),
        SourceError::Unauthorized { .. } => (code::REMOTE_UNAUTHORIZED, Failure),
        SourceError::Forbidden { .. } => (code::REMOTE_FORBIDDEN, Failure),
        SourceError::NotFound { .. } => (code::REPOSITORY_NOT_FOUND, Failure),
        SourceError::Empty { .. } => (code::REPOSITORY_EMPTY, Failure),
        SourceError::NoSuchRef { .. } => (code::REF_NOT_FOUND, Failure),
        SourceError::UnknownHostKey { .. } => (code::HOST_KEY_UNKNOWN, Failure),
        SourceError::HostKeyChanged { .. } => (code::HOST_KEY_CHANGED, Failure),
        SourceError::Certificate { .. } => (code::CERTIFICATE_UNKNOWN, Failure),
        SourceError::BadKey { .. } => (code::BAD_KEY, Failure),
        SourceError::NoSpace { .. } => (code::NO_SPACE, Infrastructure),
        SourceError::ForeignOwner { .. } => (code::FOREIGN_OWNER, Failure),
        SourceError::Stopped { .. } => (code::NEVER_STARTED, Stopped),
        SourceError::Failed { .. } => (code::FETCH_FAILED, Infrastructure),
    }
}

fn advice(error: &SourceError) -> String {
    let text = match error {
        SourceError::NoSuchRef { nearest: Some(nearest), .. } => {
            return format!(
                "Did you mean {nearest:?}? If it was deleted or renamed after the run was asked for, start the run again for \
                 what took its place."
            );
        }
        SourceError::UnknownHostKey { line, .. } => {
            return format!(
                "Compare the fingerprint with what the host's owner publishes. If it is the same, put this line into \
                 `knownHosts` of the credential: {line}"
            );
        }
        SourceError::BadUrl { .. } => "Write https://…, ssh://…, user@host:path, or the absolute path of a folder.",
        SourceError::BadRef { .. } => "Name a branch, a tag, the 40 digits of a commit, or a request such as pull/7.",
        SourceError::Unreachable { .. } => {
            "Look whether the address is right and whether the machine of the engine can reach it: name service, network, \
             proxy (HTTPS_PROXY), firewall."
        }
        SourceError::Unauthorized { given: true, .. } => {
            "The user or the password is wrong, or the token has expired: save the credential again. Many code hosts want a \
             token in the place of the password."
        }
        SourceError::Unauthorized { .. } => "Name a `credential` in the task.",
        SourceError::Forbidden { .. } => "Give the user of the credential the right to read this repository.",
        SourceError::NotFound { .. } => {
            "Look at the address. Code hosts say the same of private repositories when no credential is given, or one that may \
             not read them."
        }
        SourceError::Empty { .. } => "Push a first commit.",
        SourceError::NoSuchRef { .. } => {
            "Look at its name. It may also have been deleted or renamed after the run was asked for."
        }
        SourceError::HostKeyChanged { .. } => {
            "Ask who runs the host whether its key was changed. If not, somebody is in between: do not go on. If it was, \
             replace the host's line in `knownHosts` of the credential."
        }
        SourceError::Certificate { .. } => {
            "If the host's certificate is from an authority of your own, give that one's certificate to the task as \
             `caCertificate`."
        }
        SourceError::BadKey { .. } => "Save the credential again with the whole private key and its passphrase.",
        SourceError::NoSpace { .. } => {
            "Free some space (`df -h` and `df -i` show what is full), or move the data directory."
        }
        SourceError::ForeignOwner { .. } => {
            "Give the folder to the user of the process that embeds Windlass, or name it as `safe.directory` in that user's \
             git configuration."
        }
        SourceError::Stopped { .. } => "",
        SourceError::Failed { .. } => "Another try may help; when it does not, look at the server's log.",
    };
    text.to_owned()
}
