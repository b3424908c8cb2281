//! The engine's side of what is said: requests read, answers written.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::protocol::{KINDS, Request, VERSION, line, unwritable};
use crate::error::{Error, ErrorKind, Result};

/// The request of a line. The error is for whoever wrote it.
pub(super) fn read_request(line: &[u8]) -> Result<Request> {
    let bad = |why: String| {
        Error::new(ErrorKind::Invalid, "badRequest", "control", format!("this is no request to an engine: {why}"))
    };
    let mut fields: Map<String, Value> = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
    match fields.remove("version").as_ref().map(Value::as_u64) {
        Some(Some(VERSION)) => {}
        None => return Err(bad("it has no `version`".to_owned())),
        Some(_) => {
            let message = format!(
                "the engine, Windlass {}, understands version {VERSION} of requests only: use the same version of Windlass \
                 for both",
                env!("CARGO_PKG_VERSION")
            );
            return Err(Error::new(ErrorKind::Unsupported, "requestVersion", "control", message));
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| bad(error.to_string()))
}

/// An answer as a line, with its end.
pub(super) fn answer_line<T: Serialize>(answer: &Result<T>) -> Vec<u8> {
    let value = match answer {
        Ok(value) => match serde_json::to_value(value) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => error_value(&unwritable(&error)),
        },
        Err(error) => error_value(error),
    };
    line(&value)
}

fn error_value(error: &Error) -> Value {
    json!({ "error": { "kind": word(error.kind()), "code": error.code(), "message": error.to_string() } })
}

fn word(kind: ErrorKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("internal", |(_, word)| word)
}
