//! What is wrong with a definition: every mistake with its place in the file, its path in the tree and what was
//! probably meant.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::path::Path;

/// At most so many problems are kept; a document with more is not a pipeline that a person mistyped.
pub const MAX_PROBLEMS: usize = 1000;

/// A place in a text, counted from 1 as editors do. Columns are counted in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One mistake in a definition or in what a run was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, or another name of where the text came from. `None` for a definition that was built in code.
    pub file: Option<Arc<str>>,
    /// Where in the text. `None` when it concerns the whole file, or when there is no text.
    pub position: Option<Position>,
    /// Where in the tree, such as `stages[1].tasks[0]`. Empty for the whole definition.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// The nearest right spelling, when there is one.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some(Position { line, column }) = self.position {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        // What a person wrote may hold line breaks and terminal codes; a problem stays one plain line.
        for character in self.message.chars() {
            match character.is_control() {
                true => write!(f, "{}", character.escape_debug())?,
                false => f.write_char(character)?,
            }
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, ", did you mean {suggestion:?}?"),
            None => Ok(()),
        }
    }
}

/// All mistakes of a definition, in the order of the text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, when there are any.
    pub fn from_vec(problems: Vec<Problem>) -> Option<Self> {
        if problems.is_empty() { None } else { Some(Self(problems)) }
    }

    /// A single problem that concerns a whole file.
    pub(super) fn of_file(file: &Arc<str>, message: impl Into<String>) -> Self {
        Self(vec![Problem {
            file: Some(Arc::clone(file)),
            position: None,
            path: String::new(),
            message: message.into(),
            suggestion: None,
        }])
    }

    /// The problems one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// A mistake whose place in the text is not looked up yet.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Where in the tree it is shown.
    pub(super) path: Path,
    /// What it points at in the text, where that is not `path` itself.
    pub(super) position: Option<Position>,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

/// Findings as they come in, bounded.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    dropped: usize,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn report(&mut self, path: Path, message: impl Into<String>) {
        self.push(Finding { path, position: None, message: message.into(), suggestion: None });
    }

    /// Reports an unknown name with the nearest of the known ones.
    pub(super) fn report_unknown<'a>(
        &mut self,
        path: Path,
        message: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let suggestion = if self.list.len() < MAX_PROBLEMS / 10 { nearest(name, known) } else { None };
        self.push(Finding { path, position: None, message: message.into(), suggestion });
    }

    /// Whether there is room for no more, so that looking further is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_PROBLEMS
    }

    /// Whether something is reported at this place or below it.
    pub(super) fn has_below(&self, path: &Path) -> bool {
        self.list.iter().any(|finding| finding.path.starts_with(path))
    }

    /// Whether something is reported at this place.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.list.iter().any(|finding| finding.path == *path)
    }

    /// Whether something is reported at this place or at what holds it.
    pub(super) fn has_at_or_above(&self, path: &Path) -> bool {
        let parent = path.parent();
        self.list.iter().any(|finding| finding.path == *path || finding.path == parent)
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems in the order of the text, or `None` when there are none.
    pub(super) fn into_problems(
        self,
        file: Option<&Arc<str>>,
        locate: impl Fn(&Path) -> Option<Position>,
    ) -> Option<Problems> {
        let mut problems: Vec<Problem> = self
            .list
            .into_iter()
            .map(|finding| Problem {
                file: file.cloned(),
                position: finding.position.or_else(|| locate(&finding.path)),
                path: finding.path.to_string(),
                message: finding.message,
                suggestion: finding.suggestion,
            })
            .collect();
        problems.sort_by_key(|problem| problem.position);
        if self.dropped > 0 {
            problems.push(Problem {
                file: file.cloned(),
                position: None,
                path: String::new(),
                message: format!("… and {} more problems", self.dropped),
                suggestion: None,
            });
        }
        Problems::from_vec(problems)
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // The distance takes as long as both texts multiplied, and nobody mistypes a book.
    const LONGEST: usize = 200;
    if name.len() > LONGEST {
        return None;
    }
    let length = name.chars().count();
    // Of one letter another one is nothing like it.
    let most = if length < 2 { 0 } else { (length / 3).max(1) };
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| {
            !candidate.is_empty() && candidate.len() <= LONGEST && candidate.len().abs_diff(name.len()) <= 3 * most
        })
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
