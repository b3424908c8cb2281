//! The syntax of templates.

use super::{Part, Reference, TemplateError};
use crate::pipeline::name::VariableName;

/// Cuts a text into its parts; neighbouring pieces of plain text are one part.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('$') {
        text.push_str(&source[at..at + found]);
        at += found;
        let (part, length) = after_dollar(source, at)?;
        match part {
            Part::Text(piece) => text.push_str(&piece),
            reference => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(reference);
            }
        }
        at += length;
    }
    text.push_str(&source[at..]);
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// What stands at a `$`, and how many bytes it takes.
pub(super) fn after_dollar(source: &str, at: usize) -> Result<(Part, usize), TemplateError> {
    let rest = &source[at + 1..];
    match rest.chars().next() {
        Some('$') => Ok((Part::Text("$".to_owned()), 2)),
        Some('{') => {
            let Some(end) = rest.find('}') else {
                return Err(error(at, "\"${\" is never closed with \"}\"; write $$ for a dollar sign"));
            };
            Ok((braced(&rest[1..end], at + 2)?, end + 2))
        }
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            Ok((variable(&rest[..length], None), length + 1))
        }
        Some('(') => {
            Err(error(at, "\"$(…)\" is never executed here; only a script runs commands. Write $$( to have it as text"))
        }
        Some(c) => Err(error(at, format!("a variable cannot start with {c:?}; write $$ for a dollar sign"))),
        None => Err(error(at, "a variable's name is missing after \"$\"; write $$ for a dollar sign")),
    }
}

/// What stands between `${` and `}`; `at` is where it begins.
fn braced(inner: &str, at: usize) -> Result<Part, TemplateError> {
    if let Some(files) = inner.strip_prefix("hash:") {
        return match files.trim() {
            "" => Err(error(at, "${hash:…} names no files; write for example ${hash:requirements.txt}")),
            files => Ok(Part::Reference { to: Reference::Hash { files: files.to_owned() }, default: None }),
        };
    }
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inner, None),
    };
    match name.rsplit_once('.') {
        None if VariableName::new(name).is_ok() => Ok(variable(name, default)),
        None => Err(error(at, bad_name(name))),
        Some((task, key)) if !task.is_empty() && VariableName::new(key).is_ok() => {
            let to = Reference::Output { task: task.to_owned(), key: key.to_owned() };
            Ok(Part::Reference { to, default })
        }
        Some(_) => Err(error(at, format!("${{{name}}} is not understood; an output is written ${{task.KEY}}"))),
    }
}

fn bad_name(name: &str) -> String {
    if name.is_empty() {
        return "\"${}\" names no variable; write $$ for a dollar sign".to_owned();
    }
    let advice = "write ${NAME}, ${NAME:-default}, ${task.KEY} or ${hash:FILES}, and $$ for a dollar sign";
    format!("${{{name}}} is not understood; {advice}")
}

fn variable(name: &str, default: Option<String>) -> Part {
    Part::Reference { to: Reference::Variable(name.to_owned()), default }
}

fn error(at: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { at, message: message.into() }
}
