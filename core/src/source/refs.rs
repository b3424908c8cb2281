//! Names of branches, tags and commits.

use super::error::SourceError;

/// The name of a branch, a tag, a commit or a merge request, as a definition has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RefName {
    /// A branch or a tag; a branch when there are both.
    Named(String),
    /// The whole id of a commit.
    Commit(git2::Oid),
    /// A full name below `refs/`, such as `refs/pull/7/head`.
    Full(String),
}

impl RefName {
    /// Reads a name: `main`, `v1.2`, 40 hexadecimal digits, `refs/heads/main`, `pull/7`, `merge-requests/7`.
    ///
    /// # Errors
    /// [`SourceError::BadRef`] for what git would not take as a name.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let bad = |why: &str| SourceError::BadRef { name: text.to_owned(), why: why.to_owned() };
        if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return git2::Oid::from_str(text).map(Self::Commit).map_err(|error| bad(error.message()));
        }
        if text.is_empty() || text.starts_with('-') {
            return Err(bad("it is empty, or begins with a dash"));
        }
        let request = ["pull/", "merge-requests/"].iter().find_map(|kind| text.strip_prefix(kind));
        if let Some(number) = request.filter(|number| number.parse::<u64>().is_ok()) {
            let kind = text.strip_suffix(number).unwrap_or_default();
            return Ok(Self::Full(format!("refs/{kind}{number}/head")));
        }
        let full = if text.starts_with("refs/") { text.to_owned() } else { format!("refs/heads/{text}") };
        if !git2::Reference::is_valid_name(&full) {
            return Err(bad("git has no such names: a space, `..`, `~`, `^`, `:`, `?`, `*`, `[` or `\\` is in it"));
        }
        Ok(if text.starts_with("refs/") { Self::Full(full) } else { Self::Named(text.to_owned()) })
    }

    /// What it is called in messages.
    pub fn text(&self) -> String {
        match self {
            Self::Named(name) | Self::Full(name) => name.clone(),
            Self::Commit(id) => id.to_string(),
        }
    }
}

/// What a remote has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The branch that is checked out when nobody names one. `None` for an empty repository.
    pub default: Option<String>,
    /// The branches with their commits, by name.
    pub branches: Vec<(String, String)>,
    /// The tags with their commits, by name.
    pub tags: Vec<(String, String)>,
}

/// The nearest of some names; none when all are far.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = names.map(|name| (strsim::damerau_levenshtein(wanted, name), name));
    let (distance, name) = scored.min()?;
    (distance <= (wanted.chars().count() / 3).max(2)).then(|| name.to_owned())
}
