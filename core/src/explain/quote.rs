//! What may be quoted of a log or a document: one word, short and without control characters.

/// The longest name that is quoted.
const LONGEST: usize = 64;

/// The name of a program or a file when it is safe to show; nothing is cut, since half a name misleads.
pub(super) fn name(text: &str) -> Option<&str> {
    word(text, LONGEST)
}

/// A word of letters, digits and what stands in paths and images, of at most so many bytes.
pub(super) fn word(text: &str, longest: usize) -> Option<&str> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= longest;
    let plain =
        text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '/' | '@' | ':' | '[' | '~'));
    (fits && plain).then_some(text)
}

/// The last lines of a log, newest first, as text; what is not UTF-8 is replaced.
pub(super) fn last_lines(tail: &[u8], count: usize) -> Vec<String> {
    // A line of megabytes is no message of a shell.
    let tail = &tail[tail.len().saturating_sub(8 * 1024)..];
    let lines = tail.rsplit(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.take(count).map(|line| String::from_utf8_lossy(line).trim_end().to_owned()).collect()
}
