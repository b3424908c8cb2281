//! `.dockerignore`: which files of a context the build does not see.

use regex::Regex;

/// The patterns of a `.dockerignore`. The last one that matches a path, or a folder above it, decides.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ignored,
    /// By a `!`.
    Kept,
}

impl Ignore {
    /// Reads the file.
    ///
    /// # Errors
    /// The pattern that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.starts_with('#'));
        let rules = lines.map(str::trim).filter(|line| !line.is_empty()).filter_map(rule);
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Whether the build does not see the file or folder of this path, which has no `/` at its ends.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let places: Vec<&str> = above.chain(std::iter::once(path)).collect();
        let matches = |rule: &&Rule| places.iter().any(|place| rule.pattern.is_match(place));
        self.rules.iter().rev().find(matches).is_some_and(|rule| rule.verdict == Verdict::Ignored)
    }
}

/// The rule of a line; nothing when it means the context itself.
fn rule(line: &str) -> Option<Result<Rule, String>> {
    let (verdict, text) = match line.strip_prefix('!') {
        Some(rest) => (Verdict::Kept, rest.trim()),
        None => (Verdict::Ignored, line),
    };
    let cleaned = clean(text);
    if cleaned.is_empty() {
        return None;
    }
    let pattern = Regex::new(&expression(&cleaned)).map_err(|_| format!("the pattern {line:?} cannot be read"));
    Some(pattern.map(|pattern| Rule { pattern, verdict }))
}

/// The pattern without `.`, `..` and empty parts, relative to the context.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The pattern as a regular expression: `*` and `?` stay in a folder, `**` does not.
fn expression(pattern: &str) -> String {
    let mut expression = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                expression.push_str(if rest.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => class(&mut rest, &mut expression),
            '\\' => expression.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    expression
}

/// A class of characters, such as `[a-c]` and `[^x]`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, expression: &mut String) {
    expression.push('[');
    if rest.next_if_eq(&'^').is_some() {
        expression.push('^');
    }
    for character in rest.by_ref() {
        match character {
            ']' => break,
            // They mean something in a class of a regular expression, and nothing in one of Docker's.
            '[' | '&' | '~' => expression.extend(['\\', character]),
            other => expression.push(other),
        }
    }
    expression.push(']');
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    /// The pattern file, what it ignores, what it does not.
    const TABLE: &[(&str, &[&str], &[&str])] = &[
        ("", &[], &["a", ".git/config"]),
        ("# no\n\n  target  \n", &["target", "target/debug/x"], &["src/target", "targets", "# no"]),
        ("/target/", &["target", "target/x"], &["src/target"]),
        ("*.md", &["README.md"], &["docs/README.md"]),
        ("**/*.md", &["README.md", "docs/README.md", "a/b/c.md"], &["README.mdx"]),
        ("*.md\n!README.md", &["NOTES.md"], &["README.md"]),
        ("!README.md\n*.md", &["README.md"], &[]),
        ("*/temp*", &["a/temp", "a/temporary/x"], &["temp", "a/b/temp"]),
        ("*/*/temp*", &["a/b/temp"], &["a/temp"]),
        ("temp?", &["tempa", "tempb/x"], &["temp", "tempab"]),
        ("**", &["a", "a/b"], &[]),
        ("**\n!keep\n!dir/file", &["a", "dir/other"], &["keep", "keep/deep", "dir/file"]),
        ("a/**", &["a/b", "a/b/c"], &["a", "b"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["z", "a/zz"]),
        ("**/node_modules", &["node_modules/x", "web/node_modules/y"], &["node_modules.txt"]),
        ("[a-c].txt\n[^x]y", &["a.txt", "by"], &["d.txt", "xy"]),
        ("./a/../b", &["b"], &["a"]),
        ("a\\*b", &["a*b"], &["axb"]),
        ("f(1).$+", &["f(1).$+"], &["f1"]),
        (".", &[], &["a"]),
        ("node_modules\n!node_modules/kept/**", &["node_modules/x"], &["node_modules/kept/y"]),
    ];

    #[test]
    fn patterns_mean_what_they_mean_to_docker() {
        for (file, ignored, kept) in TABLE {
            let ignore = Ignore::parse(file).unwrap();
            for path in *ignored {
                assert!(ignore.ignores(path), "{file:?} {path}");
            }
            for path in *kept {
                assert!(!ignore.ignores(path), "{file:?} {path}");
            }
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_told() {
        assert_eq!(Ignore::parse("fine\n[z-a]").unwrap_err(), "the pattern \"[z-a]\" cannot be read");
    }
}
