//! What a step wrote to `$WINDLASS_OUTPUT`: lines `KEY=VALUE`, and for values of several lines
//!
//! ```text
//! KEY<<END
//! first line
//! second line
//! END
//! ```

use std::collections::BTreeMap;

use super::name::VariableName;
use super::problem::nearest;

/// Why the file of outputs cannot be used. The attempt fails with the cause `badOutput`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of $WINDLASS_OUTPUT: {message}")]
pub struct BadOutputs {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub advice: String,
}

impl BadOutputs {
    fn new(line: usize, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { line, message: message.into(), advice: advice.into() }
    }
}

/// Reads the file. A key that comes again replaces the earlier value; a key that the task did not declare is an error.
pub fn parse_outputs(bytes: &[u8], declared: &[VariableName]) -> Result<BTreeMap<String, String>, BadOutputs> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("not UTF-8 at offset {}", error.valid_up_to());
        BadOutputs::new(line, message, "write text only; encode other data, for example with base64")
    })?;
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let mut outputs = BTreeMap::new();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let (key, value) = match split(line) {
            Some((key, Tail::Value(value))) => (key, value.to_owned()),
            Some((key, Tail::Until(end))) => (key, block(&mut lines, number, end)?),
            None => {
                let message = format!("{:?} is neither KEY=VALUE nor KEY<<END", start(line));
                return Err(BadOutputs::new(number, message, "write one line KEY=VALUE for each output"));
            }
        };
        if !declared.iter().any(|name| name.as_str() == key) {
            return Err(undeclared(number, key, declared));
        }
        outputs.insert(key.to_owned(), value);
    }
    Ok(outputs)
}

enum Tail<'a> {
    Value(&'a str),
    Until(&'a str),
}

/// The key and what follows it: whichever of `=` and `<<` comes first decides.
fn split(line: &str) -> Option<(&str, Tail<'_>)> {
    let equals = line.find('=').unwrap_or(usize::MAX);
    match line.split_once("<<") {
        Some((key, end)) if key.len() < equals && !end.trim().is_empty() => Some((key.trim(), Tail::Until(end.trim()))),
        _ => line.split_once('=').map(|(key, value)| (key.trim(), Tail::Value(value))),
    }
    .filter(|(key, _)| !key.is_empty())
}

fn block<'a>(
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
    number: usize,
    end: &str,
) -> Result<String, BadOutputs> {
    let mut value: Vec<&str> = Vec::new();
    for (_, line) in lines {
        if line == end {
            return Ok(value.join("\n"));
        }
        value.push(line);
    }
    let message = format!("the value that begins here never ends with a line {end:?}");
    Err(BadOutputs::new(number, message, format!("write {end} alone on a line after the value")))
}

fn undeclared(number: usize, key: &str, declared: &[VariableName]) -> BadOutputs {
    let known = declared.iter().map(|name| name.as_str());
    let hint = nearest(key, known).map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
    let key = start(key);
    let message = format!("the task does not declare an output {key:?}{hint}");
    BadOutputs::new(number, message, format!("add {key} to the outputs of the task, or write a declared key"))
}

fn start(text: &str) -> String {
    text.chars().take(60).collect()
}
