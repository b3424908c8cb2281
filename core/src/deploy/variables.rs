//! Variables of a run in the scalars of files.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whether variables are replaced in files.
#[derive(Clone, Copy, Debug)]
pub enum Substitution<'a> {
    /// `$NAME`, `${NAME}` and `${NAME:-default}` become their values, for these names and no others: what else looks like a
    /// variable (`$uri` of nginx, `$(POD_NAME)`) stays as it is.
    Of(&'a BTreeMap<String, String>),
    /// Everything stays as it is.
    Off,
}

/// A scalar after the replacement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced<'a> {
    /// Nothing was replaced.
    Same,
    /// A part of it was replaced: it is a text.
    Text(String),
    /// It was one variable and nothing else.
    Whole(Cow<'a, str>),
}

impl<'a> Substitution<'a> {
    /// Replaces variables in a scalar. A value that is put in is not looked at again.
    pub(super) fn replace(self, scalar: &str) -> Replaced<'a> {
        let Self::Of(variables) = self else { return Replaced::Same };
        let mut text = String::new();
        let mut rest = scalar;
        let mut any = false;
        while let Some(at) = rest.find('$') {
            let found = reference(&rest[at..]).and_then(|found| Some((found.value(variables)?, found.length)));
            let Some((value, length)) = found else {
                text.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            };
            if at == 0 && length == rest.len() && text.is_empty() && !any {
                return Replaced::Whole(value);
            }
            text.push_str(&rest[..at]);
            text.push_str(&value);
            rest = &rest[at + length..];
            any = true;
        }
        text.push_str(rest);
        if any { Replaced::Text(text) } else { Replaced::Same }
    }
}

/// What stands at a dollar sign.
struct Reference<'t> {
    name: &'t str,
    default: Option<&'t str>,
    length: usize,
}

impl Reference<'_> {
    /// `None` when the run has no such variable.
    fn value<'a>(&self, variables: &'a BTreeMap<String, String>) -> Option<Cow<'a, str>> {
        let value = variables.get(self.name)?;
        match self.default {
            Some(default) if value.is_empty() => Some(Cow::Owned(default.to_owned())),
            _ => Some(Cow::Borrowed(value)),
        }
    }
}

/// The variable at the beginning of a text that begins with a dollar sign.
fn reference(text: &str) -> Option<Reference<'_>> {
    let rest = &text[1..];
    let Some(inner) = rest.strip_prefix('{') else {
        let name = identifier(rest);
        return (!name.is_empty()).then_some(Reference { name, default: None, length: name.len() + 1 });
    };
    let end = inner.find('}')?;
    let (name, default) = match inner[..end].split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (&inner[..end], None),
    };
    (!name.is_empty() && identifier(name) == name).then_some(Reference { name, default, length: end + 3 })
}

/// The name at the beginning of a text; may be empty.
fn identifier(text: &str) -> &str {
    let mut letters = text.char_indices();
    match letters.next() {
        Some((_, first)) if first.is_ascii_alphabetic() || first == '_' => {}
        _ => return "",
    }
    let end = letters.find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_').map_or(text.len(), |(at, _)| at);
    &text[..end]
}
