//! What is looked for in logs.

use regex::bytes::{Regex, RegexBuilder};

/// The longest pattern. Far below the overlap of the windows in which very long lines are searched.
const MAX_PATTERN: usize = 4096;
/// How much memory a pattern may take, compiled and while it searches.
const MAX_PROGRAM: usize = 4 << 20;

/// How a pattern is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryOptions {
    /// Whether it is a regular expression (the syntax of the crate `regex`) and not the text itself.
    pub regex: bool,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
}

/// A pattern that is looked for in each line. `^` and `$` stand for the beginning and the end of a line, and nothing matches
/// across lines. Time and memory stay bounded whatever the pattern.
#[derive(Clone, Debug)]
pub struct Query {
    regex: Regex,
    /// Whether the pattern may mean something else in several lines than in one, so that each is searched by itself.
    line_by_line: bool,
}

/// Why a pattern cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadQuery {
    /// There is nothing to look for.
    #[error("there is nothing to look for: the pattern is empty")]
    Empty,
    /// It is too long.
    #[error("the pattern is too long: {length} bytes, and at most {MAX_PATTERN} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A text with a line break.
    #[error("the text has a line break, and logs are searched line by line: look for one line of it")]
    LineBreak,
    /// A regular expression with a mistake.
    #[error("the pattern is not a regular expression: {why}")]
    Syntax {
        /// What is wrong with it, and where.
        why: String,
    },
    /// A regular expression that would take too much memory.
    #[error("the pattern is too big once it is compiled: write smaller numbers into its repetitions")]
    TooBig,
}

impl Query {
    /// Takes a pattern. [`BadQuery`] says what is wrong with it.
    pub fn new(pattern: &str, options: QueryOptions) -> Result<Self, BadQuery> {
        if pattern.is_empty() {
            return Err(BadQuery::Empty);
        }
        if pattern.len() > MAX_PATTERN {
            return Err(BadQuery::TooLong { length: pattern.len() });
        }
        if !options.regex && pattern.contains('\n') {
            return Err(BadQuery::LineBreak);
        }
        let escaped = if options.regex { pattern.to_owned() } else { regex::escape(pattern) };
        let regex = RegexBuilder::new(&escaped)
            .case_insensitive(options.ignore_case)
            .multi_line(true)
            .size_limit(MAX_PROGRAM)
            .dfa_size_limit(MAX_PROGRAM)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => BadQuery::TooBig,
                other => BadQuery::Syntax { why: other.to_string() },
            })?;
        Ok(Self { regex, line_by_line: options.regex && knows_its_place(pattern) })
    }

    /// Where the line that matches next may be, in lines of which one begins at `from`: at or after the place that is
    /// given, in no line before it. `None` when none of them matches.
    pub(super) fn candidate(&self, lines: &[u8], from: usize) -> Option<usize> {
        if self.line_by_line { Some(from) } else { self.regex.find_at(lines, from).map(|found| found.start()) }
    }

    /// The first match in one line that begins at `from` or later. What is before `from` is looked at only to know where
    /// words and the line begin.
    pub(super) fn find(&self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        self.regex.find_at(line, from).map(|found| (found.start(), found.end()))
    }
}

/// Whether the pattern can tell the beginning of a text from the beginning of a line, or changes what that means.
fn knows_its_place(pattern: &str) -> bool {
    pattern.contains("\\A") || pattern.contains("\\z") || pattern.contains("(?")
}
