//! Which files of a workspace are meant. Pure.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs of one list: what at least one of them takes and none with a `!` before it leaves out. A folder stands for all that
/// is in it; `*` stops at `/`, `**` does not.
#[derive(Clone, Debug)]
pub(crate) struct Globs {
    taken: GlobSet,
    left_out: GlobSet,
    roots: Vec<String>,
    text: String,
}

/// A glob that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path {pattern:?} {why}")]
pub(crate) struct BadGlob {
    pub(crate) pattern: String,
    pub(crate) why: String,
}

impl Globs {
    /// Reads patterns, relative to the workspace.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, BadGlob> {
        let (mut taken, mut left_out) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let (mut roots, mut texts) = (Vec::new(), Vec::new());
        for pattern in patterns {
            texts.push(pattern);
            match pattern.strip_prefix('!') {
                Some(rest) => add(&mut left_out, &clean(rest, pattern)?, pattern)?,
                None => {
                    let clean = clean(pattern, pattern)?;
                    add(&mut taken, &clean, pattern)?;
                    roots.push(root(&clean));
                }
            }
        }
        let built = |builder: &GlobSetBuilder| {
            builder.build().map_err(|error| BadGlob { pattern: texts.join(", "), why: error.to_string() })
        };
        Ok(Self { taken: built(&taken)?, left_out: built(&left_out)?, roots: outermost(roots), text: texts.join(", ") })
    }

    /// Whether a file or folder is meant.
    pub(crate) fn take(&self, name: &Path) -> bool {
        self.taken.is_match(name) && !self.left_out.is_match(name)
    }

    /// The files and folders that have to be read to see everything that is meant; none lies in another one.
    pub(crate) fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The patterns as they were written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The pattern without `.` and empty parts, when it goes nowhere but down. `.` is the whole workspace.
fn clean(pattern: &str, written: &str) -> Result<String, BadGlob> {
    let bad = |why: &str| BadGlob { pattern: written.to_owned(), why: why.to_owned() };
    if pattern.starts_with('/') {
        return Err(bad("is absolute; name a path below the workspace"));
    }
    if pattern.contains('\0') {
        return Err(bad("contains a NUL byte"));
    }
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(bad("contains `..`; name a path below the workspace"));
    }
    if pattern.trim().is_empty() {
        return Err(bad("is empty; write `.` for the whole workspace"));
    }
    Ok(if parts.is_empty() { "**".to_owned() } else { parts.join("/") })
}

fn add(set: &mut GlobSetBuilder, clean: &str, written: &str) -> Result<(), BadGlob> {
    for pattern in [clean.to_owned(), format!("{clean}/**")] {
        let glob = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(true).build();
        set.add(glob.map_err(|error| BadGlob { pattern: written.to_owned(), why: error.kind().to_string() })?);
    }
    Ok(())
}

/// The path before the first part in which a character has a meaning.
fn root(clean: &str) -> String {
    let parts: Vec<&str> = clean.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn outermost(mut roots: Vec<String>) -> Vec<String> {
    roots.sort();
    roots.dedup();
    if roots.iter().any(|root| root == ".") {
        return vec![".".to_owned()];
    }
    let all = roots.clone();
    roots.retain(|root| !all.iter().any(|other| other != root && Path::new(root).starts_with(other)));
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(patterns: &[&str], name: &str) -> bool {
        Globs::new(patterns.iter().copied()).unwrap().take(Path::new(name))
    }

    #[test]
    fn globs_take_what_people_expect() {
        let cases: &[(&[&str], &[&str], &[&str])] = &[
            (&["dist"], &["dist", "dist/a", "dist/a/b"], &["dists", "a/dist", "distx/a"]),
            (&["dist/"], &["dist/a"], &["other"]),
            (&["dist/**"], &["dist/a", "dist/a/b"], &["src/a"]),
            (&["dist/*.js"], &["dist/a.js"], &["dist/a/b.js", "dist/a.css"]),
            (&["**/*.xml"], &["a.xml", "a/b/c.xml"], &["a.xmls"]),
            (&["*"], &["a", "a/b"], &[]),
            (&["."], &["a", "a/b"], &[]),
            (&["dist", "!dist/*.map"], &["dist/a.js"], &["dist/a.map"]),
            (&["dist", "!dist/tmp"], &["dist/a"], &["dist/tmp", "dist/tmp/x"]),
            (&["./a//b"], &["a/b"], &["a"]),
            (&["report-{a,b}.txt"], &["report-a.txt"], &["report-c.txt"]),
        ];
        for (patterns, takes, leaves) in cases {
            takes.iter().for_each(|name| assert!(taken(patterns, name), "{patterns:?} does not take {name}"));
            leaves.iter().for_each(|name| assert!(!taken(patterns, name), "{patterns:?} takes {name}"));
        }
    }

    #[test]
    fn no_glob_leaves_the_workspace() {
        for bad in ["/etc/passwd", "../x", "a/../../x", "", " ", "!/x", "a\0", "a/[", "{"] {
            assert!(Globs::new([bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_what_is_needed_is_read() {
        let roots = |patterns: &[&str]| Globs::new(patterns.iter().copied()).unwrap().roots().to_vec();
        assert_eq!(roots(&["dist/**", "dist/a/*.js", "target/release/app"]), ["dist", "target/release/app"]);
        assert_eq!(roots(&["dist/**", "*.txt"]), ["."]);
        assert_eq!(roots(&["a-b/x", "a/y", "a"]), ["a", "a-b/x"]);
    }
}
