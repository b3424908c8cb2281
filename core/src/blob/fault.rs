//! What object stores say when something goes wrong, in a few words. Pure.

use std::error::Error;
use std::io;

/// What a store means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no such object.
    Missing,
    /// There is no such bucket.
    NoBucket,
    /// The disk is full.
    Full,
    /// Not with this key.
    Refused(String),
    /// Nobody answers.
    Unreachable(String),
    Other(String),
}

impl Fault {
    pub(super) fn of(error: &object_store::Error) -> Self {
        if is_full(error) {
            return Self::Full;
        }
        let whole = error.to_string();
        let answer = Answer::find(&whole);
        let said = || answer.as_ref().map_or_else(|| whole.clone(), |answer| answer.words.clone());
        // An answer of S3 tells more than the kind of the error: some requests give all failures one kind.
        match answer.as_ref().map(|answer| answer.status) {
            Some(404) if said().starts_with("NoSuchBucket") => return Self::NoBucket,
            Some(401 | 403) => return Self::Refused(said()),
            _ => {}
        }
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                Self::Refused(said())
            }
            error if no_answer(error) => Self::Unreachable(nobody_at(&whole, error)),
            _ => Self::Other(said()),
        }
    }
}

/// Whether an error says, anywhere in what stands behind it, that a disk is full.
pub(super) fn is_full(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

/// What a service answered.
struct Answer {
    status: u16,
    /// The code and the message of its document, or else the status.
    words: String,
}

impl Answer {
    /// The library has it only as text.
    fn find(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("Server returned non-2xx status code: ")?;
        let status = rest.get(..3)?.parse().ok()?;
        let tag = |name: &str| {
            let (_, after) = rest.split_once(&format!("<{name}>"))?;
            after.split_once(&format!("</{name}>")).map(|(inner, _)| inner.trim().to_owned())
        };
        let words = match (tag("Code"), tag("Message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code,
            (None, _) => rest.lines().next().unwrap_or_default().trim_end_matches([' ', ':']).to_owned(),
        };
        Some(Self { status, words })
    }
}

#[cfg(feature = "s3")]
fn no_answer(error: &object_store::Error) -> bool {
    use object_store::client::{HttpError, HttpErrorKind as Kind};
    let http = chain(error).find_map(|error| error.downcast_ref::<HttpError>());
    http.is_some_and(|http| matches!(http.kind(), Kind::Connect | Kind::Request | Kind::Timeout | Kind::Interrupted))
}

#[cfg(not(feature = "s3"))]
fn no_answer(_error: &object_store::Error) -> bool {
    false
}

/// The address that was tried, and what became of it: the innermost error says that.
fn nobody_at(whole: &str, error: &object_store::Error) -> String {
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    match address(whole) {
        Some(address) => format!("{address}: {last}"),
        None => last,
    }
}

/// `SCHEME://HOST:PORT` of the first URL in a text.
fn address(text: &str) -> Option<&str> {
    let url = text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))?;
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    Some(&url[..end])
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn the_answer_of_a_service_is_told_in_its_own_words() {
        let xml = |status: &str, code: &str, message: &str| {
            let document = format!("<?xml?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
            generic(&format!(
                "Error performing GET http://h/b in 3ms - Server returned non-2xx status code: {status}: {document}"
            ))
        };
        let refused = xml("403 Forbidden", "SignatureDoesNotMatch", "look at your key");
        assert_eq!(Fault::of(&refused), Fault::Refused("SignatureDoesNotMatch: look at your key".to_owned()));
        assert_eq!(Fault::of(&xml("404 Not Found", "NoSuchBucket", "none")), Fault::NoBucket);
        let slow = xml("503 Service Unavailable", "SlowDown", "please");
        assert_eq!(Fault::of(&slow), Fault::Other("SlowDown: please".to_owned()));
        let plain = generic("Server returned non-2xx status code: 502 Bad Gateway: ");
        assert_eq!(Fault::of(&plain), Fault::Other("502 Bad Gateway".to_owned()));
        assert_eq!(
            Fault::of(&generic("nothing of the kind")),
            Fault::Other(generic("nothing of the kind").to_string())
        );
    }

    #[test]
    fn a_missing_object_is_no_missing_bucket() {
        let source = "Server returned non-2xx status code: 404 Not Found: <Error><Code>NoSuchKey</Code></Error>";
        let missing = object_store::Error::NotFound { path: "a".to_owned(), source: source.into() };
        assert_eq!(Fault::of(&missing), Fault::Missing);
    }

    #[test]
    fn an_address_has_no_path() {
        assert_eq!(address("PUT https://s3.example.com:9000/ci/a failed"), Some("https://s3.example.com:9000"));
        assert_eq!(address("nothing here"), None);
    }
}
