//! A text whose references follow when tasks get other names.

use super::parse::{after_dollar, parts};
use super::{Part, Reference, Template};

impl Template {
    /// The text with its references to renamed tasks, all else as it was written. `None` when there are none, and when a new
    /// name cannot be written in a text.
    pub(in crate::pipeline) fn with_tasks(&self, rename: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let renamed = |part: &Part| match part {
            Part::Reference { to: Reference::Output { task, key }, default } => {
                let to = Reference::Output { task: rename(task)?, key: key.clone() };
                Some(Part::Reference { to, default: default.clone() })
            }
            _ => None,
        };
        self.parts.iter().find_map(renamed)?;
        let source = rewrite(&self.source, renamed)?;
        // A name such as `a}b` is fine for a task, and ends a reference too early.
        let wanted = self.parts.iter().map(|part| renamed(part).unwrap_or_else(|| part.clone()));
        let found = parts(&source).ok()?;
        found.iter().cloned().eq(wanted).then(|| Self { source: source.into(), parts: found.into() })
    }
}

fn rewrite(source: &str, renamed: impl Fn(&Part) -> Option<Part>) -> Option<String> {
    let (mut text, mut at) = (String::with_capacity(source.len()), 0);
    while let Some(found) = source[at..].find('$') {
        text.push_str(&source[at..at + found]);
        at += found;
        let (part, length) = after_dollar(source, at).ok()?;
        match renamed(&part) {
            Some(Part::Reference { to: Reference::Output { task, key }, default }) => {
                let default = default.map(|default| format!(":-{default}")).unwrap_or_default();
                text.push_str(&format!("${{{task}.{key}{default}}}"));
            }
            _ => text.push_str(&source[at..at + length]),
        }
        at += length;
    }
    text.push_str(&source[at..]);
    Some(text)
}
