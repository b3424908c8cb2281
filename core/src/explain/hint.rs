//! What the last lines of a log say that names a cause better than an exit code does.

use super::code;
use crate::run::Cause;

/// What the system says, the code, what is the matter, and what to do about it.
type Hint = (&'static [&'static str], &'static str, &'static str, &'static str);

/// The sentences of the C library, which programs in every language show.
const HINTS: &[Hint] = &[
    (
        &["No space left on device", "Disk quota exceeded"],
        code::NO_SPACE,
        "no space is left on a disk",
        "Free some space where the step runs (`df -h` and `df -i` show what is full), or let it write less.",
    ),
    (
        &["Read-only file system"],
        code::READ_ONLY,
        "a file system cannot be written",
        "Write into the workspace (`$WORKSPACE`) or a temporary folder; a disk with errors also becomes read-only (dmesg).",
    ),
    (
        &["Too many open files"],
        code::TOO_MANY_OPEN_FILES,
        "the limit on open files is reached",
        "Raise the limit (`ulimit -n`) for the step, or look for files that are opened and never closed.",
    ),
    (
        &["Text file busy"],
        code::TEXT_FILE_BUSY,
        "a program was started while its file was still being written",
        "Wait until it is written and closed, or write it under another name and rename it.",
    ),
    (
        &["Argument list too long"],
        code::ARGUMENTS_TOO_LONG,
        "arguments and environment of a command are larger than the system allows",
        "Pass what is big through a file, or use `xargs`.",
    ),
    (
        &["Cannot allocate memory", "Resource temporarily unavailable", "Cannot fork"],
        code::NO_MEMORY,
        "the system refused more memory or another process",
        "Let the step do less at once (fewer jobs in parallel), or raise the limits on memory and processes (`ulimit -u`).",
    ),
    (
        &["Could not resolve host", "Temporary failure in name resolution", "Name or service not known"],
        code::UNREACHABLE,
        "the name of a host cannot be resolved",
        "Look for a slip in the name, and whether the step has a network and a name server.",
    ),
    (
        &["Connection refused", "No route to host", "Network is unreachable", "Failed to connect to"],
        code::UNREACHABLE,
        "an address cannot be reached",
        "Look whether the service is up and listens on that port, and whether the step may reach it.",
    ),
    (
        &["Permission denied"],
        code::PERMISSION_DENIED,
        "a right is missing",
        "The line in the log names the file: look at its owner and mode (`ls -l`), and at the user of the step (`id`).",
    ),
];

/// The first hint in the lines, newest first: its code, what is the matter, and advice.
pub(super) fn find(lines: &[String]) -> Option<(&'static str, &'static str, &'static str)> {
    let of_line = |line: &String| HINTS.iter().find(|(said, ..)| said.iter().any(|said| line.contains(said)));
    lines.iter().find_map(of_line).map(|(_, code, what, advice)| (*code, *what, *advice))
}

/// The cause of an exit code for which the log has a hint. It says whence it is known, since it is not certain.
pub(super) fn cause(exit_code: i32, noun: &str, lines: &[String]) -> Option<Cause> {
    let (code, what, advice) = find(lines)?;
    let message = format!("the {noun} ended with exit code {exit_code}; by the end of its log, {what}");
    Some(Cause::new(code, message, advice))
}
