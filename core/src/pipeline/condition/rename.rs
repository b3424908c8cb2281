//! A condition that follows when tasks get other names.

use super::{Condition, Use};

impl Condition {
    /// The condition with the new names of the tasks that it looks at, all else as it was written. `None` when it looks at
    /// none of them, and when it names them in a way that is not understood here.
    pub(in crate::pipeline) fn with_tasks(&self, rename: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let renamed = |found: &Use| match found {
            Use::State { task } => Some(Use::State { task: rename(task)? }),
            Use::Output { task, key } => Some(Use::Output { task: rename(task)?, key: key.clone() }),
            _ => None,
        };
        self.uses().iter().find_map(renamed)?;
        let wanted = self.uses().iter().map(|found| renamed(found).unwrap_or_else(|| found.clone()));
        let condition = Self::parse(rewrite(self.source(), &rename)).ok()?;
        condition.uses().iter().cloned().eq(wanted).then_some(condition)
    }
}

/// Goes over the text outside of quotes, and changes what stands after `tasks`.
fn rewrite(source: &str, rename: impl Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::with_capacity(source.len()), source);
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let after_tasks = rest.strip_prefix("tasks").filter(|_| !in_word);
        if let Some(name) = after_tasks.and_then(Named::read)
            && let Some(new) = rename(name.name)
        {
            text.push_str("tasks");
            text.push_str(&name.with(&new));
            rest = name.rest;
            continue;
        }
        let length = if matches!(first, '\'' | '"') { quoted(rest) } else { first.len_utf8() };
        in_word = is_word(first) || first == '.';
        text.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    text
}

/// A task's name behind `tasks`.
struct Named<'a> {
    /// What stands between `tasks` and the name with its quotes, and the quote. `None` for `tasks.unit`.
    quoted: Option<(&'a str, char)>,
    name: &'a str,
    rest: &'a str,
}

impl<'a> Named<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let start = text.trim_start();
        if let Some(inner) = start.strip_prefix('[').map(str::trim_start) {
            let quote = inner.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
            let before = &text[..text.len() - inner.len()];
            let (name, rest) = inner[1..].split_once(quote)?;
            return Some(Self { quoted: Some((before, quote)), name, rest });
        }
        let inner = start.strip_prefix('.')?.trim_start();
        let (name, rest) = inner.split_at(inner.find(|c| !is_word(c)).unwrap_or(inner.len()));
        Some(Self { quoted: None, name, rest })
    }

    /// The same with another name, for which a dot may not be enough.
    fn with(&self, new: &str) -> String {
        match self.quoted {
            Some((before, quote)) => format!("{before}{quote}{new}{quote}"),
            None => format!("['{new}']"),
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of a text in quotes.
fn quoted(text: &str) -> usize {
    let quote = text.chars().next();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if Some(character) == quote {
            return at + character.len_utf8();
        }
    }
    text.len()
}
