//! Remarks about places in files, one a line:
//!
//! ```text
//! src/main.rs:12:5: error: mismatched types
//! src/lib.rs:3: warning: unused import
//! README.md:40: note: this link is broken
//! ```
//!
//! It is the form in which compilers and linters print what they find; any program that can print lines can write it.

use serde::{Deserialize, Serialize};

/// A remark about a place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// The file, as it was written.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// How bad it is.
    pub level: AnnotationLevel,
    /// What is said.
    pub message: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnnotationLevel {
    /// Good to know.
    Note,
    /// Should be looked at.
    Warning,
    /// Must be mended.
    Error,
}

/// The remarks in a text, at most `limit`; lines of another form are passed over.
pub fn annotations(text: &str, limit: usize) -> Vec<Annotation> {
    text.lines().filter_map(annotation).take(limit).collect()
}

fn annotation(line: &str) -> Option<Annotation> {
    // The first number between colons ends the file's name, which may have colons itself, as on Windows.
    let (at, number) = line.match_indices(':').find_map(|(at, _)| {
        let rest = &line[at + 1..];
        let digits = rest.split_once(':')?.0;
        let number = digits.parse::<u32>().ok().filter(|number| *number > 0)?;
        (at > 0).then_some((at, number))
    })?;
    let file = line[..at].trim();
    let (_, mut rest) = line[at + 1..].split_once(':')?;
    let mut column = None;
    if let Some((digits, behind)) = rest.split_once(':')
        && let Ok(number) = digits.parse::<u32>()
    {
        (column, rest) = (Some(number).filter(|number| *number > 0), behind);
    }
    let (word, message) = rest.trim_start().split_once(':')?;
    // `error[E0308]` and `warning(unused)` are levels with a code.
    let word = word.split(['[', '(', ' ']).next().unwrap_or_default();
    let level = match word.to_ascii_lowercase().as_str() {
        "note" | "info" | "notice" | "help" => AnnotationLevel::Note,
        "warning" | "warn" => AnnotationLevel::Warning,
        "error" | "fatal" => AnnotationLevel::Error,
        _ => return None,
    };
    let (file, message) = (file.to_owned(), message.trim().to_owned());
    (!file.is_empty()).then_some(Annotation { file, line: number, column, level, message })
}
